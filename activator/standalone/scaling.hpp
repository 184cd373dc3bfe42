// How many pods should each Deployment have, and making it so: what the leader does, and nobody
// else. The decisions are the autoscaler's (autoscaler/revision_scaler.hpp), the load is what all
// activators report (core/load_book).
//
// More pods: the new count goes into the Deployment's subresource `scale` at once. Fewer: only as
// many as are idle now, of all activators' requests; the pods' own queue-proxies are asked, since
// they alone know. These get a negative pod-deletion-cost, so that Kubernetes takes them (it takes
// pods that never came up before), those with sessions last; then the count is written. A request
// that reaches one all the same is still served: the queue-proxy drains.
//
// A request that finds no slot while pods serve asks for another one only if it still waits a
// moment later, when all activators have said how things stand: one that ended elsewhere is no
// demand.
//
// A leader that begins finds pods and does not know why: it keeps them for a stable window.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "activator/kubernetes/api_client.hpp"
#include "activator/standalone/core/load_book.hpp"
#include "activator/standalone/revision_report.hpp"
#include "activator/standalone/workload_source.hpp"
#include "autoscaler/revision_scaler.hpp"
#include "common/async/task_group.hpp"

namespace activator::standalone {

class Scaling {
  public:
    struct Parts {
        Gateway& gateway;
        WorkloadSource& source;
        kubernetes::ApiClient& api;
        common::TaskGroup& tasks;
        common::TimeSource& time;
        // A line for people, about a service.
        std::function<void(const std::string& service, const std::string& line)> say;
    };

    // `parts` outlive it. end() it, and let the tasks end, before it goes away.
    explicit Scaling(Parts parts);

    void begin();  // we lead
    void end();    // we do not
    void on_reports(const std::string& activator, const RevisionReports& reports);
    // The workload's policy is new or has changed, or it is gone.
    void on_change(const ObjectName& name);

  private:
    struct Scaled {
        Scaled(const autoscaler::ScalingPolicy& policy, Instant now) : scaler(policy, now) {}
        autoscaler::RevisionScaler scaler;
        bool writing = false;
        std::string problem;                    // that was logged last
        std::map<std::string, Instant> marked;  // pods that we gave a deletion cost
    };

    void every_second();
    void arm();
    void look_soon(const ObjectName& name);
    void look();
    void demand(const ObjectName& name, Scaled& scaled);
    Scaled* find(const ObjectName& name);
    void add(const WorkloadSource::Workload& workload);
    autoscaler::PodCounts counts(const WorkloadSource::Workload& workload) const;
    void apply(const ObjectName& name, Scaled& scaled, const autoscaler::Decision& decision);
    void reconcile(const ObjectName& name, Scaled& scaled);
    void unmark(const ObjectName& name, Scaled& scaled);
    common::awaitable<void> scale_out(ObjectName name, std::int64_t replicas);
    common::awaitable<void> scale_in(ObjectName name, std::int64_t replicas);
    common::awaitable<std::vector<std::string>> idle_pods(ObjectName name, std::size_t count);
    common::awaitable<bool> is_idle(common::Address queue_proxy);
    common::awaitable<std::string> write(ObjectName name, std::int64_t replicas);
    common::awaitable<std::string> set_cost(std::string name_space, std::string pod, bool low);
    common::awaitable<void> take_cost_away(ObjectName name, std::string pod);
    void written(const ObjectName& name, const std::string& problem);

    Parts parts_;
    LoadBook book_;
    std::map<ObjectName, Scaled> scaled_;
    std::unique_ptr<common::Timer> timer_;
    std::unique_ptr<common::Timer> look_timer_;
    std::set<ObjectName> to_look_at_;
    unsigned seconds_ = 0;
    bool leading_ = false;
};

}  // namespace activator::standalone
