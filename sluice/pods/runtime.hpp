// How a pod of `sluice up` comes to life. A pod is one queue-proxy in front of the application's
// container; the two runtimes differ only in what the container is: a process of this machine, or a
// container of a Docker Engine.
//
// The runtime starts, restarts (Kubernetes' crash back-off) and stops; it does not decide how many
// pods there are and does not judge readiness (the activator probes the queue-proxy, which probes
// the application).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/time.hpp"

namespace sluice {

// What one pod runs; made from the service file by sluice/service and completed per pod by the
// caller.
struct PodSpec {
    std::string name;                  // "knative-sd-demo-00001-x7k2p": log prefix, Sluice-Pod
    std::string image;                 // docker runtime only
    std::vector<std::string> command;  // $(VAR) not yet expanded
    std::vector<std::string> args;     // $(VAR) not yet expanded
    std::vector<std::pair<std::string, std::string>> env;  // in file order; $(VAR) not yet expanded
    std::string working_dir;              // empty: inherit (process), the image's (docker)
    std::uint16_t container_port = 8080;  // what the service file says
    unsigned gpus = 0;                    // resources.limits["nvidia.com/gpu"]
    common::Duration termination_grace = std::chrono::seconds(300);
    // Environment of the queue-proxy but for its ports (contract queue-proxy.md section 1).
    // SERVING_SERVICE, SERVING_REVISION and SERVING_CONFIGURATION also become the application's
    // K_SERVICE, K_REVISION and K_CONFIGURATION.
    std::map<std::string, std::string> queue_proxy_env;
    // SERVING_READINESS_PROBE for an application that listens on `app_port`; empty: none is set.
    std::function<std::string(std::uint16_t app_port)> readiness_probe;
};

// Where a started pod listens, on loopback.
struct PodAddress {
    std::uint16_t queue_proxy_port = 0;
    std::uint16_t app_port = 0;
};

// What happens to a pod, told in order from the event loop (never from inside a call to the
// runtime).
struct PodEvent {
    enum class Kind : std::uint8_t {
        started,     // queue-proxy and application run; `address` is set
        app_exited,  // the application ended by itself; it is restarted after `backoff`
        app_restarted,
        pending,  // cannot start yet (`reason`: no free GPU, ...); tried again by itself
        failed,  // cannot ever start (`reason`: command not found, image missing, fixed port taken,
                 // ...)
        stopped,  // gone; the last event of the pod
        // `address` is the pod's from now on, `reason` says why: the application ignores PORT and
        // listens on its containerPort, or another program has taken the queue-proxy's port.
        address_changed
    };
    Kind kind;
    std::string reason;  // one line for people
    PodAddress address;
    common::Duration backoff{};
};

class PodRuntime {
  public:
    using Events = std::function<void(common::PodId, const PodEvent&)>;

    virtual ~PodRuntime() = default;

    // Starts a pod. Nothing is thrown and nothing is returned: all news come as events.
    virtual void start(common::PodId id, const PodSpec& spec) = 0;
    // SIGTERM, grace period, SIGKILL; ends with the event `stopped`. The caller has drained the pod
    // before, so application and queue-proxy are told at once. Unknown ids are ignored. A pod that
    // failed or is pending must be stopped too: it holds nothing, but its id is known until then.
    virtual void stop(common::PodId id) = 0;
    // What the application printed last; "" for nothing yet, and for a pod that is not known.
    virtual std::string last_line(common::PodId id) const = 0;
    // Kills everything at once (second Ctrl-C, destructor). Returns when nothing of ours runs any
    // more; no events come afterwards.
    virtual void kill_all() = 0;
};

}  // namespace sluice
