#include "tests/sim/twin_schedulers.hpp"

#include <algorithm>

namespace sim {
namespace {

std::string id_text(auto id) {
    return std::to_string(id.value);
}

std::vector<std::string> texts(std::span<const Action> actions) {
    std::vector<std::string> result;
    for (const Action& action : actions) {
        const std::string waits = " cold " + std::to_string(action.waited_cold.count()) +
                                  " queued " + std::to_string(action.waited_queued.count());
        switch (action.kind) {
            case Action::Kind::wake:
                result.push_back("wake");
                break;
            case Action::Kind::reserve:
                result.push_back("reserve " + id_text(action.pod));
                break;
            case Action::Kind::assign:
                result.push_back("assign " + id_text(action.request) + " to " +
                                 id_text(action.pod) + waits + (action.granted ? " granted" : ""));
                break;
            case Action::Kind::expire:
                result.push_back("expire " + id_text(action.request) + " cause " +
                                 std::to_string(static_cast<int>(action.cause)) + waits);
                break;
        }
    }
    // The order among requests decided in one call means nothing to the caller.
    std::sort(result.begin(), result.end());
    return result;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "; ";
    return text;
}

void expect(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
}

}  // namespace

std::string describe(const Call& call) {
    static constexpr const char* names[] = {
        "arrive", "abandon",    "finish", "requeue", "add_pod", "ready", "drain_pod",
        "remove", "set_policy", "grant",  "open",    "lost",    "pass"};
    return std::string(names[static_cast<int>(call.kind)]) + " request " + id_text(call.request) +
           " pod " + (call.pod ? id_text(*call.pod) : "-") + " outcome " +
           std::to_string(static_cast<int>(call.outcome)) + (call.flag ? " flag" : "") + " model " +
           std::to_string(call.model) + " +" + std::to_string(call.time.count()) + "ns";
}

Twins::Twins(const RevisionPolicy& policy, const Limits& limits)
    : real_(limits), expected_(policy, limits.queue_bytes, now_) {
    real_.add_revision(twin_revision, policy, now_);
}

void Twins::apply(const Call& call) {
    now_ += call.time;
    expect(apply_to_both(call), "the two return differently");
    compare_actions();
    real_.check_invariants();
    compare_books();
}

bool Twins::apply_to_both(const Call& call) {
    const PodId pod = call.pod.value_or(PodId{});
    switch (call.kind) {
        case Call::Kind::arrive: {
            const Arrival arrival{call.request, twin_revision, call.pod,
                                  call.bytes,   call.flag,     call.model};
            return real_.arrive(arrival, now_) == expected_.arrive(arrival, now_);
        }
        case Call::Kind::abandon:
            return real_.abandon(call.request, now_) == expected_.abandon(call.request, now_);
        case Call::Kind::finish:
            return real_.finish(call.request, call.outcome, now_) ==
                   expected_.finish(call.request, call.outcome, now_);
        case Call::Kind::requeue:
            return real_.requeue(call.request, now_) == expected_.requeue(call.request, now_);
        case Call::Kind::add_pod:
            real_.add_pod(twin_revision, pod, now_);
            expected_.add_pod(pod, now_);
            return true;
        case Call::Kind::set_ready:
            real_.set_pod_ready(pod, call.flag, now_);
            expected_.set_pod_ready(pod, call.flag, now_);
            return true;
        case Call::Kind::drain:
            real_.drain_pod(pod, now_);
            expected_.drain_pod(pod, now_);
            return true;
        case Call::Kind::remove:
            real_.remove_pod(pod, now_);
            expected_.remove_pod(pod, now_);
            return true;
        case Call::Kind::set_policy:
            real_.set_policy(twin_revision, call.policy, now_);
            expected_.set_policy(call.policy, now_);
            return true;
        case Call::Kind::grant:
            return real_.grant(pod, now_) == expected_.grant(pod, now_);
        case Call::Kind::reservation_open:
            real_.reservation_open(pod, now_);
            expected_.reservation_open(pod, now_);
            return true;
        case Call::Kind::reservation_lost:
            real_.reservation_lost(pod, now_);
            expected_.reservation_lost(pod, now_);
            return true;
        case Call::Kind::pass:
            real_.tick(now_);
            expected_.tick(now_);
            return true;
    }
    return false;
}

void Twins::compare_actions() {
    const std::vector<std::string> decided = texts(real_.actions());
    const std::vector<std::string> wanted = texts(expected_.take_actions());
    real_.clear_actions();
    expect(decided == wanted, "decided: " + joined(decided) + " expected: " + joined(wanted));
}

void Twins::compare_books() const {
    std::size_t waiting = 0;
    std::size_t running = 0;
    std::size_t controls = 0;
    std::size_t bytes = 0;
    std::size_t ahead = 0;
    for (const reference::Request& request : expected_.requests()) {
        if (!request.running) bytes += request.bytes;
        if (request.control) {
            ++controls;
        } else {
            ++(request.running ? running : waiting);
        }
        if (request.running || request.control) continue;
        expect(real_.position(request.id) == ahead++, "position of " + id_text(request.id));
    }
    const RevisionView view = real_.revision(twin_revision);
    expect(view.waiting == waiting && view.running == running && view.controls == controls &&
               view.bytes_waiting == bytes,
           "revision view differs");
    for (const reference::Pod& pod : expected_.pods()) {
        const std::optional<PodView> its = real_.pod(pod.id);
        expect(its.has_value(), "pod " + id_text(pod.id) + " is missing");
        expect(its->in_flight == pod.in_flight && its->controls == pod.controls &&
                   its->ready == pod.ready && its->leaving == !pod.present &&
                   its->draining == pod.draining && its->model == pod.model &&
                   its->backing_off == pod.backoff_until.has_value() &&
                   its->reserved == pod.reserved_until.has_value(),
               "view of pod " + id_text(pod.id) + " differs");
        expect(real_.wanted(pod.id) == expected_.wanted(pod.id),
               "what is wanted of pod " + id_text(pod.id) + " differs");
    }
    expect(real_.next_deadline() > now_, "a deadline that has passed is still due");
}

}  // namespace sim
