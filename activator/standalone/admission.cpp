#include "activator/standalone/admission.hpp"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/json_fields.hpp"
#include "activator/standalone/inject.hpp"
#include "activator/standalone/workload.hpp"
#include "common/crypto/digests.hpp"

namespace activator::standalone {
namespace {

using kubernetes::at;
using kubernetes::text;
using nlohmann::json;

constexpr int unprocessable = 422;

struct Outcome {
    json object;  // as it should be
    std::vector<std::string> problems;
    std::vector<std::string> warnings;
};

Outcome review_pod(const json& request, const json& pod, const AdmissionSettings& settings) {
    InjectSettings inject_settings{settings.image, text(request, {"namespace"}),
                                   deployment_of_pod(pod), settings.autoscaler};
    if (inject_settings.deployment.empty())
        return {pod,
                {"label sluice.dev/inject: only pods of a Deployment can be served; take the label "
                 "from this one"},
                {}};
    Outcome outcome{pod, {}, {}};
    Injected injected = inject(outcome.object, inject_settings);
    outcome.problems = std::move(injected.problems);
    outcome.warnings = std::move(injected.warnings);
    return outcome;
}

Outcome review_deployment(const json& request, const json& deployment,
                          const AdmissionSettings& settings) {
    const DeploymentObject read = read_deployment(deployment);
    if (!read.ours) return {deployment, {}, {}};
    Outcome outcome;
    outcome.object = deployment;
    const InjectSettings inject_settings{settings.image, text(request, {"namespace"}),
                                         read.name.name, settings.autoscaler};
    json pod = deployment["spec"]["template"];  // only to see whether it can be done
    Injected injected = inject(pod, inject_settings);
    for (const std::string& problem : injected.problems)
        outcome.problems.push_back("spec.template: " + problem);
    outcome.warnings = std::move(injected.warnings);
    const json* before = at(request, {"oldObject"});
    const WorkloadPolicy policy = read_policy(read.annotations, settings.autoscaler);
    const bool was_ours = before != nullptr && read_deployment(*before).ours;
    const autoscaler::ScaleBounds& bounds = policy.scaling.bounds;
    if (before == nullptr)
        outcome.object["spec"]["replicas"] = std::max(bounds.initial, bounds.min);
    else if (was_ours)
        outcome.object["spec"]["replicas"] = read_deployment(*before).replicas;
    return outcome;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines)
        all += (all.empty() ? "" : "; ") + line;
    return all;
}

}  // namespace

std::optional<AdmissionAnswer> review_admission(std::string_view review,
                                                const AdmissionSettings& settings) {
    const json parsed = json::parse(review, nullptr, false);
    const json* request = at(parsed, {"request"});
    if (request == nullptr || text(parsed, {"apiVersion"}) != "admission.k8s.io/v1")
        return std::nullopt;
    const std::string uid = text(*request, {"uid"});
    const std::string kind = text(*request, {"kind", "kind"});
    const json* object = at(*request, {"object"});
    if (uid.empty()) return std::nullopt;

    AdmissionAnswer answer;
    answer.object = kind + " " + text(*request, {"namespace"}) + "/" + text(*request, {"name"});
    json response = {{"uid", uid}, {"allowed", true}};
    Outcome outcome;
    const bool known = object != nullptr && object->is_object();
    try {
        if (known && kind == "Pod") outcome = review_pod(*request, *object, settings);
        if (known && kind == "Deployment") outcome = review_deployment(*request, *object, settings);
    } catch (const json::type_error&) {
        return std::nullopt;  // a text where Kubernetes has an object, and the like
    }
    answer.denied = joined(outcome.problems);
    if (!answer.denied.empty()) {
        response["allowed"] = false;
        response["status"] = {{"code", unprocessable}, {"message", answer.denied}};
    } else if (outcome.object.is_object() && outcome.object != *object) {
        response["patchType"] = "JSONPatch";
        response["patch"] = common::base64_encode(json::diff(*object, outcome.object).dump());
    }
    if (!outcome.warnings.empty()) response["warnings"] = outcome.warnings;
    const json whole = {{"apiVersion", "admission.k8s.io/v1"},
                        {"kind", "AdmissionReview"},
                        {"response", std::move(response)}};
    answer.body = whole.dump();
    return answer;
}

}  // namespace activator::standalone
