// What the models of requests and pods change, in the reference.
#include "tests/sim/reference_scheduler.hpp"

namespace reference {

// Who names a model does not wait for a pod unless told to.
std::optional<Duration> Scheduler::pin_patience(const Request& request) const {
    if (!policy_.affinity_patience && request.model != 0) return Duration{};
    return policy_.affinity_patience;
}

Pod* Scheduler::pod_for_model(const Request& request) {
    // Smaller is better: has the model, then idle without one, then idle with the one that is worth
    // least, then the others.
    const auto rank = [&](const Pod& pod) -> std::vector<std::int64_t> {
        const Pod* mine = pinned(request);
        const std::int64_t id = static_cast<std::int64_t>(pod.id.value);
        if (pod.model == request.model) return {0, mine != &pod, pod.in_flight, id};
        if (pod.in_flight > 0) return {3, pod.in_flight, id};
        if (pod.model == 0) return {1, id};
        int doublings = 0;
        while (doublings < 7 && pod.uses >= (2ULL << doublings))
            ++doublings;
        const std::int64_t unused = (now_ - pod.last_use).count() >> doublings;
        return {2, -unused, doublings, -(now_ - pod.last_use).count(), id};
    };
    Pod* best = nullptr;
    for (Pod& pod : pods_) {
        if (free(pod) && (best == nullptr || rank(pod) < rank(*best))) best = &pod;
    }
    return best;
}

bool Scheduler::may_use(const Request& request, const Pod& pod) {
    return !request.running && !request.control &&
           (!request.waits_for_pin || pinned(request) == &pod);
}

bool Scheduler::may_be_passed(const Request& request) const {
    const Duration here = now_ - request.arrived;
    if (policy_.model_patience) return here < *policy_.model_patience;
    double waiting = 0;
    double slots = 0;
    for (const Request& other : requests_)
        waiting += !other.running && !other.control ? 1 : 0;
    for (const Pod& pod : pods_)
        slots += pod.present && pod.ready && !pod.draining ? policy_.concurrency : 0;
    const double line =
        2 * static_cast<double>(mean_run_.count()) * waiting / (slots < 1 ? 1 : slots);
    const std::int64_t most = policy_.queue_timeout.count() / 2;
    return here.count() <
           (line >= static_cast<double>(most) ? most : static_cast<std::int64_t>(line));
}

Request* Scheduler::passes(const Request& request, const Pod& pod) {
    if (pod.model == 0 || request.model == 0 || request.model == pod.model) return nullptr;
    if (!may_be_passed(request)) return nullptr;
    for (Request& other : requests_) {
        if (other.model == pod.model && may_use(other, pod)) return &other;
    }
    return nullptr;
}

}  // namespace reference
