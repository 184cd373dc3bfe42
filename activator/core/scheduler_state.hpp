// What the Scheduler knows, and the steps its methods are made of. Private to scheduler*.cpp.
//
// Invariants between public calls (check_invariants() recomputes them):
//  - a request stands in exactly one line, or runs on exactly one pod;
//  - no pod has a free slot while a request that it may run waits: the shared line is empty if any
//    pod is free, and a free pod's own line is empty;
//  - a reserved pod whose time is over has somebody who waits and may run there;
//  - control requests wait only while no pod may take them;
//  - the budget clock runs cold exactly while no pod of the revision is ready and staying;
//  - the deadlines on the books are the true ones.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "activator/core/budget_clock.hpp"
#include "activator/core/model_line.hpp"
#include "activator/core/model_patience.hpp"
#include "activator/core/node_pool.hpp"
#include "activator/core/pod_set.hpp"
#include "activator/core/scheduler.hpp"
#include "activator/core/wait_queue.hpp"
#include "common/core/time_integral.hpp"

namespace activator {

// All that a waiting request costs here, but for its entry in the table of ids (32 bytes).
static_assert(sizeof(ScheduledRequest) <= 168);

struct RevisionQueue {
    RevisionQueue(RevisionId id_, const RevisionPolicy& policy_, Instant now,
                  std::pmr::memory_resource* memory)
        : id(id_),
          policy(policy_),
          clock(now),
          shared(memory),
          controls(memory),
          budgets(memory),
          patience(memory),
          pods(memory) {}

    std::size_t waiting() const { return budgets.size(); }  // control requests included

    RevisionId id;
    RevisionPolicy policy;
    BudgetClock clock;
    ModelLine shared;
    WaitLine controls;
    WaitBudgets budgets;    // all who wait
    WaitPatience patience;  // those in the pods' own lines
    PodSet pods;            // without those that were removed
    ModelPatience models;
    std::size_t running = 0;
    common::TimeIntegral running_slots;
    common::TimeIntegral free_slots;
    std::size_t controls_running = 0;
    std::size_t bytes_waiting = 0;
    Instant deadline = Instant::max();
    bool removed = false;
};

struct Scheduler::State {
    explicit State(const Limits& limits_)
        : limits(limits_),
          requests(&pool),
          pods(&pool),
          revision_deadlines(&pool),
          standing_ends(&pool) {}

    // --- scheduler.cpp: time
    // First step of every method that takes `now`: CHECKs that it does not go backwards and does
    // all that is due. Expiry comes before anything that assigns.
    void advance(Instant to);
    // Last step of every method that may have changed the revision.
    void settle(RevisionQueue& revision);
    void keep_account(RevisionQueue& revision);
    void expire_due(RevisionQueue& revision);
    // Moves them to the shared line; the caller matches.
    void end_patience_due(RevisionQueue& revision);
    Instant deadline_of(const RevisionQueue& revision) const;

    // --- scheduler_requests.cpp
    // Where a request would go now: to `pod` at once if `at_once`, else to the line of `pod`, or to
    // the line that `place` names.
    struct Choice {
        PodSlots* pod = nullptr;
        Place place = Place::shared_line;
        bool at_once = false;
    };
    Choice choose(const ScheduledRequest& request);
    Choice choose_for_control(const ScheduledRequest& request);
    PodSlots* pinned_pod(const ScheduledRequest& request);
    Refusal arrive(const Arrival& arrival);
    bool abandon(RequestId id);
    bool finish(RequestId id, Outcome outcome);
    bool requeue(RequestId id);
    void put(ScheduledRequest& request, const Choice& choice);
    void enqueue(ScheduledRequest& request, const Choice& choice);
    void dequeue(ScheduledRequest& request);
    // The caller refreshes the pod: a slot that passes from one request to the next moves nothing
    // in the indexes.
    void start(ScheduledRequest& request, PodSlots& pod, bool granted = false);
    // Takes the request off its pod. The caller decides what becomes of it, then calls
    // after_release().
    PodSlots& release(ScheduledRequest& request);
    void after_release(PodSlots& pod);
    void return_to_place(ScheduledRequest& request);
    void expire(ScheduledRequest& request, ExpiryCause cause);
    void add_to_line(ScheduledRequest& request);
    void remove_from_line(ScheduledRequest& request);
    // Whether a reserved pod's own line is empty is on the books of its revision.
    void line_changed(PodSlots& pod) {
        if (pod.standing == Standing::reserved) refresh(pod);
    }
    void join_shared_line(ScheduledRequest& pinned);

    // --- scheduler_models.cpp
    // How long the request waits for its pinned pod and no other; empty: as long as the pod lives.
    static std::optional<Duration> pin_patience(const ScheduledRequest& request);
    // After a change of policy: takes those out of the pods' own lines who do not wait for a pod
    // any more. The caller matches.
    void release_model_requests(RevisionQueue& revision);
    // The free pod for a request that may run on any; null if no slot is free.
    PodSlots* best_free(const ScheduledRequest& request);
    // `next` is the oldest that may have the pod's free slot: it, or a younger one that passes it.
    ScheduledRequest& first_for(PodSlots& pod, ScheduledRequest& next);
    bool may_be_passed(const ScheduledRequest& request) const;
    // The pod's application may have started anew.
    void forget_model(PodSlots& pod);

    // --- scheduler_pods.cpp
    PodSlots* find_pod(PodId id);
    // Gives the pod's free slots to the oldest of those who wait for it or for any pod.
    void fill(PodSlots& pod);
    // Gives free slots to the shared line. Suffices where no pod's own line can be served.
    void match_shared(RevisionQueue& revision);
    // As both, over all pods of the revision at once, oldest request first.
    void match_all(RevisionQueue& revision);
    void start_controls(RevisionQueue& revision);
    void refresh(PodSlots& pod);
    void run_right_clock(RevisionQueue& revision);
    // The pod became usable, or more of it did.
    void serve_from(PodSlots& pod);
    void release_line(PodSlots& pod);
    // The oldest request that waits and may run on the pod; null if there is none.
    static ScheduledRequest* oldest_for(const PodSlots& pod);
    bool grant(PodId id);
    void back_off(PodSlots& pod, bool blocks_controls);
    void end_backoff(PodSlots& pod);
    // For `least` at least.
    void reserve(PodSlots& pod, Duration least);
    // A slot fell free on a contested pod for which requests have waited: they have reservations
    // there, with those of others.
    void reserve_if_contested(PodSlots& pod);
    // The pod's time is over.
    void standing_due(PodSlots& pod);
    void set_standing(PodSlots& pod, Standing standing, Instant until);
    void take_away(PodSlots& pod);
    void forget_if_gone(PodSlots& pod);
    void forget_if_over(RevisionQueue& revision);

    RevisionQueue* find_revision(RevisionId id);

    struct RevisionDeadline {
        Instant when;
        RevisionId id;
        RevisionQueue* revision;
        friend auto operator<=>(const RevisionDeadline& a, const RevisionDeadline& b) {
            if (a.when != b.when) return a.when <=> b.when;
            return a.id <=> b.id;
        }
    };
    struct StandingEnd {
        Instant when;
        PodId id;
        friend auto operator<=>(const StandingEnd&, const StandingEnd&) = default;
    };

    Limits limits;
    NodePool pool;  // outlives all that is below
    std::pmr::unordered_map<RequestId, ScheduledRequest> requests;
    std::pmr::unordered_map<PodId, PodSlots> pods;
    std::unordered_map<RevisionId, RevisionQueue> revisions;
    std::pmr::set<RevisionDeadline> revision_deadlines;
    std::pmr::set<StandingEnd> standing_ends;  // of pods that are `timed`
    std::vector<Action> actions;
    std::size_t bytes_waiting = 0;
    std::size_t bytes_elsewhere = 0;
    std::uint64_t next_age = 0;
    Instant now = Instant::min();
};

}  // namespace activator
