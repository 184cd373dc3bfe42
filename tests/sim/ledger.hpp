// One simulated activator's own book-keeping, kept beside its Scheduler and compared with it after
// every call. It knows what the scheduler was told and what it decided, computes from that alone
// who may go where, and throws (std::logic_error) at the first decision that breaks an invariant of
// style.md 4.9: 1 in flight <= capacity, 2 one end per request, 3 refusals only at the bound,
// 4 nothing assigned after its deadline or to a pod that is down, draining or held off, 5 work
// conservation, 6 oldest first, but for a request of the pod's model within the patience of those
// it passes, 7 a pinned request goes to its pod unless it may leave it, 8 a request that names a
// model goes to a free pod that holds it, if there is one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "activator/core/scheduler.hpp"
#include "tests/sim/trace.hpp"

namespace sim {

using namespace activator;

struct Assignment {
    RequestId request;
    PodId pod;
    bool control = false;
    bool granted = false;  // with the slot that grant() told of
};

class Ledger {
  public:
    Ledger(std::uint64_t number, const RevisionPolicy& policy, const Limits& limits, Instant now,
           Trace& trace);

    // Each ticks first, then makes the call, then checks.
    void arrive(const Arrival& arrival, Instant now);
    void abandon(RequestId id, Instant now);
    void finish(RequestId id, Outcome outcome, Instant now);
    void requeue(RequestId id, Instant now);
    void add_pod(PodId id, Instant now);
    void set_pod_ready(PodId id, bool ready, Instant now);
    void drain_pod(PodId id, Instant now);
    void remove_pod(PodId id, Instant now);
    void set_policy(const RevisionPolicy& policy, Instant now);
    bool grant(PodId id, Instant now);
    void reservation_open(PodId id, Instant now);
    void reservation_lost(PodId id, Instant now);
    void tick(Instant now);

    // What the activator has to send since the last call.
    std::vector<Assignment> take_assigned() { return std::move(assigned_); }
    // Where it has to leave reservations since the last call.
    std::vector<PodId> take_reserved() { return std::move(reserved_); }
    std::optional<Instant> wanted(PodId id) const { return scheduler_.wanted(id); }
    Instant next_deadline() const { return scheduler_.next_deadline(); }
    bool knows(PodId id) const;
    // A pod the activator has in discovery, for pinning; {} if it has none.
    std::optional<PodId> some_pod(std::uint64_t choice) const;
    std::size_t unfinished() const { return waiting_.size() + running_.size(); }
    static RevisionId revision() { return RevisionId{1}; }

    struct Totals {
        std::uint64_t arrived = 0;
        std::uint64_t refused = 0;
        std::uint64_t assigned = 0;
        std::uint64_t done = 0;
        std::uint64_t failed = 0;
        std::uint64_t returned = 0;
        std::uint64_t abandoned = 0;
        std::uint64_t expired = 0;
        std::uint64_t granted = 0;  // of those assigned
        std::uint64_t passed = 0;   // assignments of a younger request before an older one
        void add(const Totals& more);
    };
    const Totals& totals() const { return totals_; }

  private:
    struct Entry {
        Arrival arrival;
        bool left_pin = false;  // its pod drained or went while it waited
        PodId pod;              // running
        Instant arrived{};
        Instant started{};  // running
        Duration cold{};    // waited, all waits together; while waiting: until `since` below
        Duration queued{};
        Duration cold_since{};  // the ledger's own clocks when this wait began
        Duration queued_since{};
    };
    struct KnownPod {
        bool present = false;
        bool ready = false;
        bool draining = false;
        std::uint32_t in_flight = 0;
        std::uint32_t controls = 0;
        ModelKey model = any_model;   // of the last request that named one
        bool was_reserved = false;    // ever
        bool holds_controls = false;  // the failure keeps control requests away too
        // A failure keeps requests away at least so long, a refusal all that come without a grant.
        Instant held_until = Instant::min();
        Instant last_failure = Instant::min();  // and at most backoff_max longer
    };

    void pass_time(Instant now);
    void note(const char* what, RequestId request, PodId pod, std::uint64_t detail = 0);
    void check(bool holds, const char* what) const;
    void digest();
    void digest_assign(const Action& action);
    void check_slot(const Entry& waiter, const Action& action, const KnownPod& pod) const;
    void digest_expire(const Action& action);
    void after_call();
    void check_work_conservation() const;
    void check_views() const;
    // Returns whether it passed an older one that might have had the slot.
    bool check_oldest_first(const Entry& entry, PodId pod) const;
    void check_model(const Entry& entry, PodId pod) const;
    Duration model_patience() const;
    bool cold() const;
    bool pin_holds(const Entry& entry) const;
    bool may_run_on(const Entry& entry, PodId pod) const;
    bool has_free_slot(PodId id, const KnownPod& pod) const;
    Duration cold_used(const Entry& entry) const;
    Duration queued_used(const Entry& entry) const;
    void begin_wait(Entry entry);
    Entry end_wait(RequestId id);
    // Takes a running request off its pod; empty if it does not run.
    std::optional<Entry> end_run(RequestId id);
    void note_failure(PodId id, bool holds_controls);
    void note_busy(PodId id);
    bool reserved(PodId id) const;
    void release_waiters(PodId id);

    std::uint64_t number_;
    RevisionPolicy policy_;
    Limits limits_;
    Scheduler scheduler_;
    Trace& trace_;
    Instant now_;
    Duration cold_clock_{};
    Duration queued_clock_{};
    std::map<RequestId, Entry> waiting_;  // ids grow with arrival, so this is by age
    std::map<RequestId, Entry> running_;
    std::map<PodId, KnownPod> pods_;
    std::size_t bytes_waiting_ = 0;
    std::size_t controls_waiting_ = 0;
    std::vector<Assignment> assigned_;
    std::vector<PodId> reserved_;
    std::optional<PodId> granting_;  // during grant()
    Totals totals_;
    Duration mean_run_{};
    bool any_run_ = false;
};

}  // namespace sim
