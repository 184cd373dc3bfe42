// One service of `sluice up`: asks the autoscaler how many pods there should be, and starts and
// ends pods until that is so. It stands between three parts that do not know each other: the pod
// runtime (processes, containers), the gateway (who gets which request) and the scaler (how many).
//
// Pods come as soon as they are asked for. Pods go only while they are idle: those that never
// became ready first, then the newest; each is drained, then stopped. A pod that cannot start is
// not tried again at once, but with the back-off of a crashing container.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "activator/gateway.hpp"
#include "autoscaler/revision_scaler.hpp"
#include "common/core/rng.hpp"
#include "common/time/time_source.hpp"
#include "sluice/pods/crash_backoff.hpp"
#include "sluice/pods/runtime.hpp"
#include "sluice/progress.hpp"
#include "sluice/service/service_file.hpp"

namespace sluice {

class ServiceRunner {
  public:
    // For people: one line per event of a pod or of the scaling.
    // `event` as in common/log/README.md; `line` is for people.
    using Say = std::function<void(std::string_view event, const std::string& line)>;
    // A pod's id is the caller's to give, since one runtime serves all services.
    using NextPodId = std::function<common::PodId()>;

    struct Parts {
        activator::Gateway& gateway;
        PodRuntime& runtime;
        common::TimeSource& time;
        Say say;
        NextPodId next_pod_id;
        std::uint64_t name_seed = 0;  // for the random part of pod names
    };

    // `parts` outlive the runner. Adds the service's revision to the gateway.
    ServiceRunner(const ServiceSpec& service, const autoscaler::Config& config, Parts parts);

    void start();
    // Requests wait and no slot is free.
    void on_wake();
    // News of a pod; false if the pod is not of this service.
    bool on_pod_event(common::PodId id, const PodEvent& event);
    bool on_pod_ready(common::PodId routed);

    // Stops scaling; running requests may end (see busy()), then stop_all().
    void stop_scaling();
    bool busy() const;
    // Requests wait or run, control requests included.
    bool has_requests() const;
    void stop_all();
    // Timers run no more; call before the gateway goes.
    void end();
    // No pod is left.
    bool empty() const { return pods_.empty(); }

    activator::RevisionId revision() const { return revision_; }
    const ServiceSpec& service() const { return service_; }
    autoscaler::PodCount desired() const { return desired_; }
    // Pods that the gateway does not know (yet, or any more).
    std::vector<activator::UnroutedPod> unrouted_pods() const;
    std::vector<LoadingPod> loading_pods() const;

  private:
    enum class State : std::uint8_t { pending, starting, ready, draining, stopping, failed };
    struct Pod {
        std::string name;
        State state = State::pending;
        std::optional<common::PodId> routed;  // its id at the gateway, once it listens
        std::uint16_t port = 0;               // where the gateway finds it
        std::string reason;
        common::Instant started_at{};
        // It comes up since then; empty: it is up, or waits for something else (a GPU, a restart).
        std::optional<common::Instant> loading_since;
        common::Instant drain_until{};
    };

    void every_second();
    void apply(const autoscaler::Decision& decision);
    void reconcile();
    void start_pod();
    void remove_idle(std::size_t count);
    void drain(common::PodId id, Pod& pod);
    void finish_drains();
    void stop_pod(common::PodId id, Pod& pod);
    void pod_started(Pod& pod, const PodEvent& event);
    void pod_moved(Pod& pod, const PodEvent& event);
    void route(Pod& pod, const PodAddress& address);
    void pod_failed(common::PodId id, Pod& pod, const std::string& reason);
    void pod_stopped(common::PodId id);
    autoscaler::PodCounts counts() const;
    std::size_t alive() const;
    std::string new_pod_name();

    ServiceSpec service_;
    Parts parts_;
    activator::RevisionId revision_;
    autoscaler::RevisionScaler scaler_;
    std::map<common::PodId, Pod> pods_;
    std::unique_ptr<common::Timer> report_timer_;
    std::unique_ptr<common::Timer> retry_timer_;
    common::Rng names_;
    CrashBackoff start_backoff_;
    common::Instant next_report_{};
    common::Instant no_start_before_{};
    autoscaler::PodCount desired_ = 0;
    unsigned seconds_ = 0;
    bool scaling_ = false;
};

}  // namespace sluice
