// problem+json: whatever a detail quotes, the answer is JSON, in one line, with the given values.
#include <nlohmann/json.hpp>

#include "common/http/problem.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    common::Problem problem;
    problem.status = 400 + input.byte() % 200;
    problem.type = "queue-full";
    problem.title = input.line();
    problem.detail = input.rest();
    const std::string text = common::to_json(problem);
    HOLDS(text.find('\n') == text.size() - 1);
    const auto json = nlohmann::json::parse(text, nullptr, false);
    HOLDS(!json.is_discarded());
    HOLDS(json["status"] == problem.status);
    HOLDS(json["type"] == "urn:sluice:problem:queue-full");
    HOLDS(json["detail"].is_string());
    // Each byte becomes six (\u001f) or a replacement of three at most.
    HOLDS(text.size() <= 100 + 6 * size);
    return 0;
}
