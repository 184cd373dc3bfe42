// Which addresses may a revision's requests go to, now? (contract activator.md 2.3)
//
// Kubernetes lists a revision's addresses as ready or not; we ask the pods themselves, because we
// hear of a pod's readiness sooner than Kubernetes does, and because a service mesh may keep us
// from reaching pods at all. One object per revision: events in, probes to make and a routing out.
//
// An address is usable once its probe has passed and either Kubernetes calls it ready or the
// revision lets us be early (no startup or exec probe). In a mesh, where no pod answers us,
// requests go to the private service's ClusterIP. Stock stays there for good after one slow probe;
// here the pods are asked on, once a second, and the first that answers ends the ClusterIP.
// An address that Kubernetes no longer calls ready is not usable until it passes a probe again.
//
// Probes are per address: one pod that dawdles holds nobody up.
// Not here: slices between activators (core/pod_slices), doubts about a pod that fails requests
// (the gateway's).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/core/time.hpp"

namespace activator::kubernetes {

using common::Duration;
using common::Instant;

// config-network's mesh-compatibility-mode.
enum class MeshMode : std::uint8_t { automatic, enabled, disabled };

struct BackendRules {
    MeshMode mesh = MeshMode::automatic;
    // enable-mesh-pod-addressability: pods are reachable through the mesh, never a ClusterIP.
    bool passthrough = false;
    Duration probe_period = std::chrono::milliseconds(200);  // PROBE_FREQUENCY
    // How often pods are asked while requests go to the ClusterIP.
    Duration return_period = std::chrono::seconds(1);
};

// An address of the revision's private Endpoints.
struct Backend {
    std::string address;  // "10.0.0.1:8012", "[fd00::1]:8012"
    std::string pod;      // its name; the address where Kubernetes gives none
    friend bool operator==(const Backend&, const Backend&) = default;
};

enum class ProbeAnswer : std::uint8_t {
    ready,    // 200 and "queue"
    refused,  // another answer: whoever it is, we reach it
    silent,   // no connection, 502 or 503: perhaps a mesh stands between
    late      // no answer in time: the same, and it takes its time to be
};

class Backends {
  public:
    struct Usable {
        Backend backend;
        bool trusted = false;  // Kubernetes says so; no probe of ours has passed
        friend bool operator==(const Usable&, const Usable&) = default;
    };
    struct Routing {
        std::vector<Usable> pods;  // by address, byte order
        // Not empty: requests go there, and `pods` is empty.
        std::string cluster_address;
        std::size_t ready = 0;  // pods that Kubernetes calls ready
    };

    explicit Backends(const BackendRules& rules) : rules_(rules) {}

    // Whether a pod may be used before Kubernetes calls it ready.
    void set_early(bool early, Instant now);
    // An address that is in both lists counts as ready.
    void set_endpoints(const std::vector<Backend>& ready, const std::vector<Backend>& not_ready,
                       Instant now);
    // "10.96.0.7:80"; empty: not known.
    void set_cluster_address(std::string address, Instant now);
    // Late answers, for addresses that are gone or were asked again since, are ignored.
    void probe_answered(const std::string& address, std::uint64_t probe, ProbeAnswer answer,
                        Instant now);
    void tick(Instant now);
    // When tick() has something to do; Instant::max() if never.
    Instant next_deadline() const;

    // Probes to make now. The caller takes them after each call of the above and answers each.
    struct Probe {
        std::string address;
        std::uint64_t id = 0;
        bool late = false;  // the last one there was
    };
    std::vector<Probe> take_probes();
    Routing routing() const;
    // Addresses of whatever state.
    std::size_t size() const { return pods_.size(); }
    bool has(const std::string& address) const { return pods_.contains(address); }

  private:
    struct Asked {
        std::uint64_t probe = 0;  // under way; 0: none
        bool answered = false;
        ProbeAnswer last = ProbeAnswer::silent;
        Instant begun{};
        Instant due{};  // of the next probe, unless one is under way
    };
    struct Pod {
        std::string name;
        bool ready = false;    // says Kubernetes
        bool healthy = false;  // a probe passed since it came, or since it was last not ready
        Asked asked;
    };

    bool wants_probe(const Pod& pod) const;
    bool usable(const Pod& pod) const;
    bool wants_cluster_probe() const;
    Duration period() const;
    void start(const std::string& address, Asked& asked, Instant now);
    void settle(Instant now);

    BackendRules rules_;
    bool early_ = false;
    std::map<std::string, Pod> pods_;
    std::string cluster_address_;
    Asked cluster_asked_;
    bool by_cluster_ = false;
    std::vector<Probe> probes_;
    std::uint64_t last_probe_ = 0;
};

}  // namespace activator::kubernetes
