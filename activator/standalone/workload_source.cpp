#include "activator/standalone/workload_source.hpp"

#include <utility>

#include "common/log/log.hpp"

namespace activator::standalone {

WorkloadSource::WorkloadSource(Gateway& gateway) : gateway_(gateway) {
    gateway_.list_unrouted_pods([this](RevisionId id) { return unrouted(id); });
}

// --- Deployments.

void WorkloadSource::on_deployment(DeploymentObject object) {
    if (!object.ours) {
        on_deployment_gone(object.name);  // the label was taken away
        return;
    }
    const ObjectName name = object.name;
    const auto found = workloads_.find(name);
    if (found == workloads_.end()) {
        Workload& added = workloads_[name];
        added.deployment = std::move(object);
        added.policy = read_policy(added.deployment.annotations, config_);
        added.id = gateway_.add_revision(revision_of(added.deployment, added.policy));
        apply(added);
        for (auto& [pod_name, pod] : pods_[name])
            route(added, pod);
        return;
    }
    Workload& workload = found->second;
    const bool changed = workload.deployment.annotations != object.annotations;
    workload.deployment = std::move(object);
    if (!changed) return;
    workload.policy = read_policy(workload.deployment.annotations, config_);
    gateway_.update_revision(workload.id, revision_of(workload.deployment, workload.policy));
    apply(workload);
}

// Whoever has no webhook that says it at once finds it in the log.
void WorkloadSource::apply(Workload& workload) {
    for (const std::string& problem : workload.policy.problems)
        common::log_warning("annotation", problem,
                            {{"deployment", to_string(workload.deployment.name)}});
    if (on_change_) on_change_(workload.deployment.name);
}

void WorkloadSource::on_deployment_gone(const ObjectName& name) {
    const auto found = workloads_.find(name);
    if (found == workloads_.end()) return;
    gateway_.remove_revision(found->second.id);
    workloads_.erase(found);
    const auto pods = pods_.find(name);
    if (pods != pods_.end()) {
        for (auto& [pod_name, pod] : pods->second)
            pod.routed.reset();
    }
    if (on_change_) on_change_(name);
}

void WorkloadSource::on_autoscaler_config(const autoscaler::Config& config) {
    config_ = config;
    for (auto& [name, workload] : workloads_) {
        workload.policy = read_policy(workload.deployment.annotations, config_);
        if (on_change_) on_change_(name);
    }
}

void WorkloadSource::set_replicas(const ObjectName& deployment, std::int64_t replicas) {
    const auto found = workloads_.find(deployment);
    if (found != workloads_.end()) found->second.deployment.replicas = replicas;
}

const WorkloadSource::Workload* WorkloadSource::workload(RevisionId id) const {
    for (const auto& [name, workload] : workloads_) {
        if (workload.id == id) return &workload;
    }
    return nullptr;
}

const std::map<std::string, WorkloadSource::KnownPod>& WorkloadSource::pods_of(
    const ObjectName& deployment) const {
    static const std::map<std::string, KnownPod> none;
    const auto found = pods_.find(deployment);
    return found == pods_.end() ? none : found->second;
}

// --- Pods.

void WorkloadSource::on_pod(PodObject object) {
    if (object.deployment.empty()) return;
    const ObjectName deployment{object.name.name_space, object.deployment};
    owners_[object.name] = deployment;
    auto& pods = pods_[deployment];
    const auto [it, fresh] = pods.try_emplace(object.name.name);
    KnownPod& pod = it->second;
    if (fresh && !object.proxied)
        common::log_warning("pod_without_proxy",
                            "a pod has no queue-proxy and gets no requests: it was made before the "
                            "webhook was there; delete it, and another one comes",
                            {{"pod", to_string(object.name)}});
    const bool moved = pod.routed && object.ip != pod.object.ip;
    const bool fell = pod.routed && pod.object.ready && !object.ready;
    if (moved) {
        gateway_.remove_pod(*pod.routed);
        pod.routed.reset();
    }
    pod.object = std::move(object);
    if (fell && pod.routed && !pod.object.leaving) gateway_.doubt_pod(*pod.routed);
    const auto workload = workloads_.find(deployment);
    if (workload != workloads_.end()) route(workload->second, pod);
}

void WorkloadSource::route(const Workload& workload, KnownPod& pod) {
    const PodObject& object = pod.object;
    if (object.leaving) {
        if (pod.routed) gateway_.drain_pod(*pod.routed);
        return;
    }
    const bool may_serve = object.proxied && !object.ip.empty() && (object.early || object.ready);
    if (pod.routed || !may_serve) return;
    common::Address address;
    address.host = object.ip;
    address.port = queue_proxy_port;
    pod.routed = gateway_.add_pod(workload.id, object.name.name, std::move(address));
}

void WorkloadSource::on_pod_gone(const ObjectName& name) {
    const auto owner = owners_.find(name);
    if (owner == owners_.end()) return;
    auto& pods = pods_[owner->second];
    const auto found = pods.find(name.name);
    if (found != pods.end()) {
        if (found->second.routed) gateway_.remove_pod(*found->second.routed);
        pods.erase(found);
    }
    if (pods.empty()) pods_.erase(owner->second);
    owners_.erase(owner);
}

std::vector<UnroutedPod> WorkloadSource::unrouted(RevisionId id) const {
    std::vector<UnroutedPod> all;
    const Workload* known = workload(id);
    if (known == nullptr) return all;
    for (const auto& [name, pod] : pods_of(known->deployment.name)) {
        if (pod.routed) continue;
        const std::string_view state = pod.object.leaving ? "stopping" : "pending";
        all.push_back({name, state, pod.object.trouble, gateway_.time().now()});
    }
    return all;
}

}  // namespace activator::standalone
