// What stands in a Deployment and its pods, as far as we are concerned.
//
// A Deployment is ours if its pod template has the label sluice.dev/inject: "true"; the annotations
// there are those of a revision template in Knative, and those of a Knative Service for sessions.
// One Deployment is one service with one revision, both of its name: during a rolling update its
// old and new pods serve side by side.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "activator/kubernetes/objects.hpp"
#include "activator/revision.hpp"
#include "autoscaler/scaling_policy.hpp"

namespace activator::standalone {

using kubernetes::Annotations;
using kubernetes::ObjectName;

inline constexpr const char* inject_label = "sluice.dev/inject";
inline constexpr const char* queue_proxy_container = "queue-proxy";
// contract queue-proxy.md 2
inline constexpr std::uint16_t queue_proxy_port = 8012;
inline constexpr std::uint16_t queue_proxy_stats_port = 9090;

struct WorkloadPolicy {
    common::Knobs knobs;
    autoscaler::ScalingPolicy scaling;
    // One line each, with the annotation's name and the valid range. With problems the rest is
    // what the other annotations say.
    std::vector<std::string> problems;
    std::vector<std::string> warnings;
};
// `config`: ConfigMap config-autoscaler. Without an annotation initial-scale there is no first pod.
WorkloadPolicy read_policy(const Annotations& annotations, const autoscaler::Config& config);

struct DeploymentObject {
    ObjectName name;
    bool ours = false;
    Annotations annotations;  // the template's
    std::int64_t replicas = 0;
    friend bool operator==(const DeploymentObject&, const DeploymentObject&) = default;
};
DeploymentObject read_deployment(const nlohmann::json& object);
Revision revision_of(const DeploymentObject& deployment, const WorkloadPolicy& policy);

struct PodObject {
    ObjectName name;
    std::string deployment;  // empty: of none
    std::string ip;          // empty: not yet
    bool ready = false;      // says Kubernetes
    bool leaving = false;    // is being deleted, or has ended
    bool proxied = false;    // has a queue-proxy
    // Its queue-proxy's word is enough: no exec probe, which only the kubelet can run.
    bool early = true;
    std::string trouble;  // why it does not come up, as Kubernetes says; empty: nothing known
    bool marked = false;  // has a pod-deletion-cost
};
PodObject read_pod(const nlohmann::json& object);
inline constexpr const char* deletion_cost = "controller.kubernetes.io/pod-deletion-cost";

// Of a pod that a Deployment's ReplicaSet made (its name is the Deployment's, '-', and the pod's
// label pod-template-hash); empty for any other.
std::string deployment_of_pod(const nlohmann::json& pod);

// The only container but for the queue-proxy, or the first one with ports; its index in
// spec.containers, or -1.
std::ptrdiff_t serving_container(const nlohmann::json& spec);

}  // namespace activator::standalone
