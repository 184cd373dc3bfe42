// The activator's request log (contract activator.md 1.2): on or off as config-observability says
// at the moment. Requests that reach no revision, and probes, are not logged.
#pragma once

#include <optional>
#include <string>

#include "activator/router.hpp"
#include "activator/serve_request.hpp"
#include "common/core/request_log.hpp"
#include "common/http/exchange.hpp"

namespace activator::kubernetes {

class RequestLog {
  public:
    // A template that is none switches the log off, with one line in the other log.
    void configure(bool enabled, const std::string& text);
    void add(const common::Exchange& client, const RequestRecord& record,
             const Router& router) const;

  private:
    std::string text_;
    std::optional<common::RequestLogTemplate> template_;
};

}  // namespace activator::kubernetes
