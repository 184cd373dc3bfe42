// Writes the request log (contract queue-proxy 8.1): one line for each request, to standard output,
// after it ended.
#pragma once

#include <optional>

#include "common/core/request_log.hpp"
#include "common/http/exchange.hpp"
#include "proxy/config.hpp"
#include "proxy/serve_request.hpp"

namespace proxy {

class RequestLogger {
  public:
    // Parses the template; one that is none is logged, and nothing is written then. `config`
    // outlives it.
    explicit RequestLogger(const Config& config);

    bool enabled() const { return template_.has_value(); }
    void add(const common::Exchange& client, const RequestRecord& record) const;

  private:
    const Config& config_;
    std::optional<common::RequestLogTemplate> template_;
};

}  // namespace proxy
