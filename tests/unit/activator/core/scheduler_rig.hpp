// A Scheduler with its own hand-moved time and one revision, for tests that read like a story:
// each step runs one call, checks every invariant, and leaves what the call decided in words, e.g.
// "1>A" (request 1 goes to pod 10, "A"), "1>>A" (with a granted slot), "cold!2", "queue!2",
// "removed!2", "wake", "reserve A". Unless a test says that there are slot streams, no reservation
// can be left anywhere: a pod that refuses backs off.
#pragma once

#include <string>
#include <vector>

#include "activator/core/scheduler.hpp"

namespace scheduler_test {

using namespace activator;
using namespace std::chrono_literals;

inline constexpr RevisionId rev{1};
// Pods by letter: 'A' is the oldest.
constexpr PodId pod_id(char letter) {
    return PodId{static_cast<std::uint64_t>(letter)};
}

struct Rig {
    explicit Rig(const RevisionPolicy& policy = {}, const Limits& limits = {}) : scheduler(limits) {
        scheduler.add_revision(rev, policy, now);
    }

    using Words = std::vector<std::string>;

    // What was decided since the last call of words().
    Words words() {
        scheduler.check_invariants();
        Words result;
        std::vector<PodId> lost;
        for (const Action& action : scheduler.actions()) {
            const bool no_stream = action.kind == Action::Kind::reserve && !streams;
            if (no_stream) lost.push_back(action.pod);
            if (!no_stream) result.push_back(word(action));
        }
        scheduler.clear_actions();
        for (const PodId pod : lost)
            scheduler.reservation_lost(pod, now);
        return result;
    }
    static std::string word(const Action& action) {
        const std::string id = std::to_string(action.request.value);
        const std::string pod(1, static_cast<char>(action.pod.value));
        if (action.kind == Action::Kind::wake) return "wake";
        if (action.kind == Action::Kind::reserve) return "reserve " + pod;
        if (action.kind == Action::Kind::assign) return id + (action.granted ? ">>" : ">") + pod;
        switch (action.cause) {
            case ExpiryCause::cold_start_timeout:
                return "cold!" + id;
            case ExpiryCause::queue_timeout:
                return "queue!" + id;
            case ExpiryCause::revision_removed:
                return "removed!" + id;
        }
        return "?";
    }

    Words ready(char letter) {
        scheduler.add_pod(rev, pod_id(letter), now);
        return set_ready(letter, true);
    }
    Words set_ready(char letter, bool ready) {
        scheduler.set_pod_ready(pod_id(letter), ready, now);
        return words();
    }
    Words drain(char letter) {
        scheduler.drain_pod(pod_id(letter), now);
        return words();
    }
    Words remove(char letter) {
        scheduler.remove_pod(pod_id(letter), now);
        return words();
    }
    Refusal offer(const Arrival& arrival) { return scheduler.arrive(arrival, now); }
    Words arrive(std::uint64_t id) {
        refusal = offer({RequestId{id}, rev, {}, 0, false});
        return words();
    }
    Words arrive_pinned(std::uint64_t id, char letter) {
        refusal = offer({RequestId{id}, rev, pod_id(letter), 0, false});
        return words();
    }
    Words arrive_control(std::uint64_t id, std::optional<PodId> pinned = {}) {
        refusal = offer({RequestId{id}, rev, pinned, 0, true});
        return words();
    }
    Words finish(std::uint64_t id, Outcome outcome = Outcome::done) {
        found = scheduler.finish(RequestId{id}, outcome, now);
        return words();
    }
    Words requeue(std::uint64_t id) {
        found = scheduler.requeue(RequestId{id}, now);
        return words();
    }
    Words abandon(std::uint64_t id) {
        found = scheduler.abandon(RequestId{id}, now);
        return words();
    }
    Words grant(char letter) {
        found = scheduler.grant(pod_id(letter), now);
        return words();
    }
    Words stream_opens(char letter) {
        scheduler.reservation_open(pod_id(letter), now);
        return words();
    }
    Words stream_breaks(char letter) {
        scheduler.reservation_lost(pod_id(letter), now);
        return words();
    }
    // How long ago the request came for which a reservation is to be left; empty: none.
    std::optional<Duration> wanted(char letter) const {
        const std::optional<Instant> since = scheduler.wanted(pod_id(letter));
        if (!since) return std::nullopt;
        return now - *since;
    }
    Words set_policy(const RevisionPolicy& policy) {
        scheduler.set_policy(rev, policy, now);
        return words();
    }
    // Moves time and ticks once at its end.
    Words wait(Duration duration) {
        now += duration;
        scheduler.tick(now);
        return words();
    }
    RevisionView view() const { return scheduler.revision(rev); }
    PodView pod(char letter) const { return scheduler.pod(pod_id(letter)).value(); }

    Instant now{std::chrono::hours(1)};
    Scheduler scheduler;
    Refusal refusal = Refusal::none;  // of the last arrival
    bool found = false;               // by the last finish, requeue, abandon or grant
    bool streams = false;             // reservations can be left at busy pods
};

using Words = Rig::Words;

inline RevisionPolicy with_concurrency(std::uint32_t concurrency) {
    RevisionPolicy policy;
    policy.concurrency = concurrency;
    return policy;
}

inline RevisionPolicy with_patience(Duration patience) {
    RevisionPolicy policy;
    policy.affinity_patience = patience;
    return policy;
}

}  // namespace scheduler_test
