// Keeps a gateway's revisions and pods as Kubernetes has them. What the watches tell comes in;
// core/backends decides which addresses are of use, probes are made here, and the gateway learns of
// the outcome. (contract activator.md 2 and 3.3)
//
// Slices between activators are cut as in stock (core/pod_slices), because a stock activator beside
// us believes in them. A revision whose sessions belong to pods is not cut: a session's pod may be
// in anybody's slice, and a pod's queue-proxy has the last word about its slots anyway. Nor is any
// where all activators and all queue-proxies are ours (`share_pods`): they agree on each slot by
// reservations (slot_streams.hpp), and no pod idles because it is in another's slice.
//
// A ClusterIP is not one pod but several: it stands as that many pods of one address.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "activator/gateway.hpp"
#include "activator/kubernetes/core/activator_index.hpp"
#include "activator/kubernetes/core/backends.hpp"
#include "activator/kubernetes/objects.hpp"
#include "autoscaler/config.hpp"
#include "common/async/task_group.hpp"
#include "common/forward/fetch.hpp"

namespace activator::kubernetes {

struct SourceRules {
    BackendRules backends;
    Duration probe_timeout = std::chrono::milliseconds(300);
    std::string own_ip;
    bool internal_tls = false;  // requests go to the pods' TLS port, probes do not
    bool share_pods = false;    // no slices
};

class ClusterSource {
  public:
    // All outlive it. close() it, and let the tasks end, before it goes away.
    ClusterSource(Gateway& gateway, common::TaskGroup& tasks, common::TimeSource& time,
                  SourceRules rules);

    // --- What the watches tell.
    void on_revision(RevisionObject object);
    void on_revision_gone(const ObjectName& name);
    void on_private_endpoints(EndpointsObject object);
    void on_private_endpoints_gone(const ObjectName& name);
    void on_public_endpoints(const EndpointsObject& object);
    void on_private_service(ServiceObject object);
    void on_private_service_gone(const ObjectName& name);
    // Of the Knative Service `name`: session annotations stand there.
    void on_service(const ObjectName& name, Annotations annotations);
    void on_service_gone(const ObjectName& name);
    // config-autoscaler: what stock's targets are (for shaped reports).
    void on_autoscaler_config(const std::map<std::string, std::string>& data);

    void close();
    // Whose pods (or ClusterIP) answer at this address.
    std::optional<std::string> namespace_of(const common::Address& address) const;

  private:
    struct KnownPod {
        PodId id;
        std::string name;
        bool ready = true;
    };
    // A revision that the gateway has.
    struct Live {
        RevisionId id;
        Backends backends;
        std::map<std::string, KnownPod> pods;  // by address, as Kubernetes has it
        std::string cluster_address;
        std::vector<PodId> cluster_pods;
        std::unique_ptr<common::Timer> timer;
    };
    // Whatever is known by a revision's name; the parts come in any order.
    struct Entry {
        std::optional<RevisionObject> object;
        std::optional<EndpointsObject> endpoints;
        std::optional<ServiceObject> service;
        ActivatorPlace place;
        std::optional<Live> live;
    };

    Revision revision_of(const RevisionObject& object) const;
    std::optional<double> report_utilization(const RevisionObject& object,
                                             const common::Knobs& knobs) const;
    void go_live(Entry& entry);
    void apply(Entry& entry);
    void feed(Entry& entry);
    void refresh(Entry& entry);
    void drop(Entry& entry);
    void forget_if_empty(const ObjectName& name);
    std::vector<Backends::Usable> own_slice(const Entry& entry,
                                            std::vector<Backends::Usable> all) const;
    void take_over_pods(Entry& entry, const Backends::Routing& routing);
    void take_over_cluster(Entry& entry, const Backends::Routing& routing);
    void add_pod(Entry& entry, const Backends::Usable& usable);
    void remove_pod(const common::Address& address, PodId id);
    common::Address request_address(const std::string& address, std::uint16_t tls_port) const;
    common::awaitable<void> probe(ObjectName name, RevisionId id, Backends::Probe probe,
                                  common::FetchRequest request);
    // Null: it is not the gateway's any more.
    Entry* live_of(const ObjectName& name, RevisionId id);

    Gateway& gateway_;
    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    SourceRules rules_;
    autoscaler::Config autoscaler_;
    std::map<ObjectName, Entry> entries_;                // by namespace and revision
    std::map<ObjectName, std::string> private_names_;    // Endpoints and Services → revision
    std::map<ObjectName, Annotations> services_;         // Knative's, by namespace and service
    std::map<common::Address, std::string> namespaces_;  // of addresses that get requests
    bool closed_ = false;
};

}  // namespace activator::kubernetes
