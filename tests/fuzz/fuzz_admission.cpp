// The webhook's AdmissionReviews, which anybody in the cluster can send: an answer to this request,
// whose patch fits the object, and which has nothing to add to what it made; or none.
#include <string>

#include <nlohmann/json.hpp>

#include "activator/standalone/admission.hpp"
#include "common/crypto/digests.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using activator::standalone::AdmissionAnswer;
using nlohmann::json;

const activator::standalone::AdmissionSettings settings{"queue-proxy:1", {}};

// The review with the object that the API server has after the answer.
json patched(json review, const json& response) {
    const auto patch = common::base64_decode(response["patch"].get<std::string>());
    HOLDS(patch.has_value());
    json& object = review["request"]["object"];
    object = object.patch(json::parse(*patch));
    return review;
}

}  // namespace

FUZZ_TARGET(data, size) {
    const fuzz::Input input(data, size);
    const auto answer = activator::standalone::review_admission(input.rest(), settings);
    if (!answer) return 0;
    const json whole = json::parse(answer->body);
    const json& response = whole["response"];
    const json review = json::parse(input.rest());
    HOLDS(response["uid"] == review["request"]["uid"]);
    HOLDS(response["allowed"] == answer->denied.empty());
    if (!response.contains("patch")) return 0;
    HOLDS(answer->denied.empty());
    const auto again =
        activator::standalone::review_admission(patched(review, response).dump(), settings);
    HOLDS(again.has_value());
    HOLDS(again->denied.empty());
    HOLDS(!json::parse(again->body)["response"].contains("patch"));
    return 0;
}
