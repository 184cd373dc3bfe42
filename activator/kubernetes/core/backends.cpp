#include "activator/kubernetes/core/backends.hpp"

#include <algorithm>
#include <utility>

namespace activator::kubernetes {

void Backends::set_early(bool early, Instant now) {
    early_ = early;
    settle(now);
}

void Backends::set_endpoints(const std::vector<Backend>& ready,
                             const std::vector<Backend>& not_ready, Instant now) {
    std::map<std::string, Pod> listed;
    for (const Backend& backend : not_ready)
        listed[backend.address].name = backend.pod;
    for (const Backend& backend : ready) {
        listed[backend.address].name = backend.pod;
        listed[backend.address].ready = true;
    }
    for (auto& [address, pod] : listed) {
        const auto known = pods_.find(address);
        // Another pod at the same address is not the one that we asked.
        if (known == pods_.end() || known->second.name != pod.name) continue;
        const bool fell = known->second.ready && !pod.ready;
        if (fell) continue;
        pod.healthy = known->second.healthy;
        pod.asked = known->second.asked;
    }
    pods_ = std::move(listed);
    settle(now);
}

void Backends::set_cluster_address(std::string address, Instant now) {
    if (address == cluster_address_) return;
    cluster_address_ = std::move(address);
    cluster_asked_ = {};
    by_cluster_ = false;
    settle(now);
}

void Backends::probe_answered(const std::string& address, std::uint64_t probe, ProbeAnswer answer,
                              Instant now) {
    const auto take = [&](Asked& asked) {
        asked.probe = 0;
        asked.answered = true;
        asked.last = answer;
        asked.due = std::max(now, asked.begun + period());
    };
    if (cluster_asked_.probe == probe) {
        take(cluster_asked_);
        by_cluster_ = answer == ProbeAnswer::ready;
    } else {
        const auto it = pods_.find(address);
        if (it == pods_.end() || it->second.asked.probe != probe) return;
        take(it->second.asked);
        it->second.healthy = answer == ProbeAnswer::ready;
    }
    settle(now);
}

void Backends::tick(Instant now) {
    settle(now);
}

// The pods that do not answer are not those of a mesh: a mesh lets the ClusterIP through.
bool Backends::wants_cluster_probe() const {
    if (rules_.passthrough || rules_.mesh == MeshMode::disabled || by_cluster_) return false;
    if (cluster_address_.empty()) return false;
    bool any_ready = false;
    for (const auto& [address, pod] : pods_) {
        any_ready = any_ready || pod.ready;
        if (rules_.mesh == MeshMode::enabled) continue;
        if (usable(pod)) return false;
        if (!wants_probe(pod)) continue;
        if (!pod.asked.answered || pod.asked.last == ProbeAnswer::refused) return false;
    }
    // A ClusterIP leads to ready pods only.
    return any_ready;
}

bool Backends::wants_probe(const Pod& pod) const {
    if (pod.healthy || rules_.mesh == MeshMode::enabled) return false;
    if (pod.ready) return rules_.mesh != MeshMode::disabled;
    return early_;
}

bool Backends::usable(const Pod& pod) const {
    if (rules_.mesh == MeshMode::enabled) return false;
    if (pod.ready && rules_.mesh == MeshMode::disabled) return true;
    return pod.healthy && (pod.ready || early_);
}

Duration Backends::period() const {
    return by_cluster_ ? rules_.return_period : rules_.probe_period;
}

void Backends::start(const std::string& address, Asked& asked, Instant now) {
    asked.probe = ++last_probe_;
    asked.begun = now;
    probes_.push_back({address, asked.probe, asked.answered && asked.last == ProbeAnswer::late});
}

void Backends::settle(Instant now) {
    bool any_usable = false;
    bool any_ready = false;
    for (auto& [address, pod] : pods_) {
        any_usable = any_usable || usable(pod);
        any_ready = any_ready || pod.ready;
        if (wants_probe(pod) && pod.asked.probe == 0 && pod.asked.due <= now)
            start(address, pod.asked, now);
    }
    if (any_usable || !any_ready) by_cluster_ = false;
    if (wants_cluster_probe() && cluster_asked_.probe == 0 && cluster_asked_.due <= now)
        start(cluster_address_, cluster_asked_, now);
}

Instant Backends::next_deadline() const {
    Instant next = Instant::max();
    for (const auto& [address, pod] : pods_) {
        if (wants_probe(pod) && pod.asked.probe == 0) next = std::min(next, pod.asked.due);
    }
    if (wants_cluster_probe() && cluster_asked_.probe == 0)
        next = std::min(next, cluster_asked_.due);
    return next;
}

std::vector<Backends::Probe> Backends::take_probes() {
    return std::exchange(probes_, {});
}

Backends::Routing Backends::routing() const {
    Routing routing;
    for (const auto& [address, pod] : pods_) {
        if (pod.ready) ++routing.ready;
        if (usable(pod)) routing.pods.push_back({{address, pod.name}, !pod.healthy});
    }
    if (by_cluster_) routing.cluster_address = cluster_address_;
    return routing;
}

}  // namespace activator::kubernetes
