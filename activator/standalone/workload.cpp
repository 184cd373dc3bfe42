#include "activator/standalone/workload.hpp"

#include <nlohmann/json.hpp>

#include "activator/kubernetes/json_fields.hpp"

namespace activator::standalone {

using kubernetes::at;
using kubernetes::list;
using kubernetes::text;
using nlohmann::json;

namespace {

bool is_true(const json& object, kubernetes::JsonPath path) {
    const json* found = at(object, path);
    return found != nullptr && *found == json(true);
}

// The first container that cannot start, and why.
std::string trouble_of(const json& pod) {
    for (const json& status : list(pod, {"status", "containerStatuses"})) {
        const std::string reason = text(status, {"state", "waiting", "reason"});
        if (!reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing")
            return reason + " (container " + text(status, {"name"}) + ")";
    }
    for (const json& condition : list(pod, {"status", "conditions"})) {
        const bool waits =
            text(condition, {"type"}) == "PodScheduled" && text(condition, {"status"}) == "False";
        if (waits) return text(condition, {"message"});
    }
    return {};
}

}  // namespace

WorkloadPolicy read_policy(const Annotations& annotations, const autoscaler::Config& config) {
    WorkloadPolicy policy;
    common::KnobsResult knobs = common::parse_knobs(annotations);
    policy.knobs = std::move(knobs.knobs);
    for (const common::KnobProblem& problem : knobs.problems) {
        std::string line = "annotation " + problem.annotation + ": " + problem.message;
        (problem.is_error ? policy.problems : policy.warnings).push_back(std::move(line));
    }
    // Whether there is a first pod is the owner's business here, not the cluster's.
    autoscaler::Config own = config;
    own.allow_zero_initial_scale = true;
    const autoscaler::ParsedAnnotations parsed = autoscaler::parse_annotations(annotations, own);
    for (const autoscaler::Problem& problem : parsed.problems)
        policy.problems.push_back("annotation " + problem.text);
    policy.scaling = autoscaler::resolve_policy(
        parsed.scaling, own, static_cast<std::uint32_t>(policy.knobs.container_concurrency));
    if (!parsed.scaling.initial_scale) policy.scaling.bounds.initial = 0;
    return policy;
}

DeploymentObject read_deployment(const json& object) {
    DeploymentObject deployment;
    deployment.name = kubernetes::read_name(object);
    deployment.replicas = kubernetes::integer(object, {"spec", "replicas"}, 1);
    const json* pods = at(object, {"spec", "template"});
    if (pods == nullptr) return deployment;
    deployment.ours = kubernetes::read_label(*pods, inject_label) == "true";
    if (deployment.ours) deployment.annotations = kubernetes::read_annotations(*pods);
    return deployment;
}

Revision revision_of(const DeploymentObject& deployment, const WorkloadPolicy& policy) {
    Revision revision;
    revision.name_space = deployment.name.name_space;
    revision.service = deployment.name.name;
    revision.name = deployment.name.name;
    revision.concurrency = static_cast<std::uint32_t>(policy.knobs.container_concurrency);
    revision.timeout = std::chrono::seconds(policy.knobs.timeout_seconds);
    revision.knobs = policy.knobs;
    return revision;
}

std::string deployment_of_pod(const json& pod) {
    const std::string suffix = "-" + kubernetes::read_label(pod, "pod-template-hash");
    for (const json& owner : list(pod, {"metadata", "ownerReferences"})) {
        if (text(owner, {"kind"}) != "ReplicaSet" || !is_true(owner, {"controller"})) continue;
        std::string name = text(owner, {"name"});
        if (suffix.size() == 1 || !name.ends_with(suffix)) return {};
        name.resize(name.size() - suffix.size());
        return name;
    }
    return {};
}

PodObject read_pod(const json& object) {
    PodObject pod;
    pod.name = kubernetes::read_name(object);
    pod.deployment = deployment_of_pod(object);
    pod.ip = text(object, {"status", "podIP"});
    const std::string phase = text(object, {"status", "phase"});
    pod.leaving = at(object, {"metadata", "deletionTimestamp"}) != nullptr || phase == "Failed" ||
                  phase == "Succeeded";
    for (const json& condition : list(object, {"status", "conditions"})) {
        if (text(condition, {"type"}) == "Ready") pod.ready = text(condition, {"status"}) == "True";
    }
    for (const json& container : list(object, {"spec", "containers"})) {
        if (text(container, {"name"}) == queue_proxy_container) pod.proxied = true;
        if (at(container, {"readinessProbe", "exec"}) != nullptr) pod.early = false;
    }
    pod.trouble = trouble_of(object);
    pod.marked = !text(object, {"metadata", "annotations", deletion_cost}).empty();
    return pod;
}

std::ptrdiff_t serving_container(const json& spec) {
    const json& containers = list(spec, {"containers"});
    std::ptrdiff_t only = -1;
    std::size_t count = 0;
    for (std::size_t i = 0; i < containers.size(); ++i) {
        if (text(containers[i], {"name"}) == queue_proxy_container) continue;
        if (!list(containers[i], {"ports"}).empty()) return static_cast<std::ptrdiff_t>(i);
        only = static_cast<std::ptrdiff_t>(i);
        ++count;
    }
    return count == 1 ? only : -1;
}

}  // namespace activator::standalone
