// Keeps a gateway's revisions and pods as Deployments and Pods stand in the cluster. A pod gets
// requests once its queue-proxy says that it is ready, which we ask ourselves (the kubelet asks
// seldom); one that is being deleted gets no more from the moment we hear of it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "activator/gateway.hpp"
#include "activator/standalone/workload.hpp"

namespace activator::standalone {

class WorkloadSource {
  public:
    struct KnownPod {
        PodObject object;
        std::optional<PodId> routed;  // its id at the gateway, while it may get requests
    };
    struct Workload {
        DeploymentObject deployment;
        WorkloadPolicy policy;
        RevisionId id;
    };

    // Outlives it.
    explicit WorkloadSource(Gateway& gateway);

    // --- What the watches tell.
    void on_deployment(DeploymentObject object);
    void on_deployment_gone(const ObjectName& name);
    void on_pod(PodObject object);
    void on_pod_gone(const ObjectName& name);
    void on_autoscaler_config(const autoscaler::Config& config);

    // --- What there is.
    const std::map<ObjectName, Workload>& workloads() const { return workloads_; }
    const Workload* workload(RevisionId id) const;
    // By name, those that are leaving included.
    const std::map<std::string, KnownPod>& pods_of(const ObjectName& deployment) const;
    // The API server took a new count; the watch will say so, too.
    void set_replicas(const ObjectName& deployment, std::int64_t replicas);
    // A workload's policy is new or has changed, or it is gone.
    void on_change(std::function<void(const ObjectName&)> callback) {
        on_change_ = std::move(callback);
    }

  private:
    void apply(Workload& workload);
    void route(const Workload& workload, KnownPod& pod);
    std::vector<UnroutedPod> unrouted(RevisionId id) const;

    Gateway& gateway_;
    autoscaler::Config config_;
    std::map<ObjectName, Workload> workloads_;
    // By Deployment, whether it is known yet or not.
    std::map<ObjectName, std::map<std::string, KnownPod>> pods_;
    std::map<ObjectName, ObjectName> owners_;  // pod → Deployment
    std::function<void(const ObjectName&)> on_change_;
};

}  // namespace activator::standalone
