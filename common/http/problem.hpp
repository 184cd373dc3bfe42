// Error answers that a program can tell apart: problem+json (RFC 9457), with a `type` for each
// cause that never changes its meaning.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/http/simple_response.hpp"

namespace common {

struct Problem {
    int status = 500;
    std::string_view type;   // "queue-full": becomes urn:sluice:problem:queue-full
    std::string_view title;  // for people; the same for every occurrence
    std::string detail;      // this occurrence; never an address
    std::optional<int> retry_after_seconds;
};

// The body, as JSON text.
std::string to_json(const Problem& problem);
// The answer that tells of it; `fields`: more fields.
SimpleResponse to_response(Problem problem, Fields fields = {});
awaitable<error_code> respond_problem(Exchange& exchange, Problem problem, Fields fields = {});

}  // namespace common
