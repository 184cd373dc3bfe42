#include "common/http/problem.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace common {

std::string to_json(const Problem& problem) {
    nlohmann::ordered_json body;
    body["type"] = "urn:sluice:problem:" + std::string(problem.type);
    body["title"] = problem.title;
    body["status"] = problem.status;
    body["detail"] = problem.detail;
    // Details may quote what a client sent; what is not UTF-8 is replaced.
    return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

SimpleResponse to_response(Problem problem, Fields fields) {
    SimpleResponse response;
    response.status = problem.status;
    response.content_type = "application/problem+json";
    response.body = to_json(problem);
    response.fields = std::move(fields);
    response.fields.add("Cache-Control", "no-store");
    if (problem.retry_after_seconds)
        response.fields.add("Retry-After", std::to_string(*problem.retry_after_seconds));
    return response;
}

awaitable<error_code> respond_problem(Exchange& exchange, Problem problem, Fields fields) {
    SimpleResponse response = to_response(std::move(problem), std::move(fields));
    co_return co_await respond(exchange, std::move(response));
}

}  // namespace common
