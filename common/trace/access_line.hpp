// One line of the access log: what both programs say of a finished request, in one form. Each adds
// what only it knows.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/time.hpp"
#include "common/http/exchange.hpp"
#include "common/log/log.hpp"
#include "common/trace/request_trace.hpp"

namespace common {

class AccessLine {
  public:
    // `trace` null: the request was not traced. `client`, `trace` and every text that is added
    // outlive it.
    AccessLine(const Exchange& client, const RequestTrace* trace, int status);
    AccessLine(const AccessLine&) = delete;
    AccessLine& operator=(const AccessLine&) = delete;

    template <class Value>
    void add(std::string_view key, const Value& value) {
        fields_.emplace_back(key, value);
    }
    // A temporary text would be gone before the line is written.
    template <std::same_as<std::string> Text>
    void add(std::string_view key, Text&& value) = delete;
    // In seconds, to the microsecond.
    void add(std::string_view key, Duration duration);
    // The request's own id and its trace's, if it has them.
    void add_ids();
    // Adds who the client was. `failed` ones are warnings.
    void write(bool failed);

  private:
    const Exchange& client_;
    std::string trace_id_;
    std::vector<LogField> fields_;
};

}  // namespace common
