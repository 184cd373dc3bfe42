// What should the scheduler decide? The rules of activator/core/scheduler.hpp for one revision,
// written to be obviously right and to share nothing with the real one: plain vectors, every waiter
// is visited at every step, time is added to each waiter by hand. The tests compare the two call by
// call. It is copyable and can be serialised, so that a search can recognise a state.
#pragma once

#include <string>
#include <vector>

#include "activator/core/scheduler.hpp"

namespace reference {

using activator::Action;
using activator::Arrival;
using activator::Duration;
using activator::Instant;
using activator::Outcome;
using activator::PodId;
using activator::Refusal;
using activator::RequestId;
using activator::RevisionPolicy;

struct Request {
    RequestId id;
    std::optional<PodId> pin;
    bool control = false;
    bool running = false;
    bool waits_for_pin = false;
    PodId pod;  // running
    activator::ModelKey model = 0;
    Instant arrived{};
    Instant started{};  // running
    std::size_t bytes = 0;
    Duration cold{};
    Duration queued{};
};

struct Pod {
    PodId id;
    bool present = true;
    bool ready = false;
    bool draining = false;
    std::optional<Instant> backoff_until;
    bool blocks_controls = false;
    bool contested = false;
    std::optional<Instant> reserved_until;  // at least, and while anybody wants it
    std::uint32_t failures = 0;
    std::uint32_t in_flight = 0;
    std::uint32_t controls = 0;
    activator::ModelKey model = 0;
    std::uint64_t uses = 0;  // of that model
    Instant last_use{};
};

class Scheduler {
  public:
    Scheduler(const RevisionPolicy& policy, std::size_t byte_limit, Instant now)
        : policy_(policy), byte_limit_(byte_limit), now_(now) {}

    void set_policy(const RevisionPolicy& policy, Instant now);
    Refusal arrive(const Arrival& arrival, Instant now);
    bool abandon(RequestId id, Instant now);
    bool finish(RequestId id, Outcome outcome, Instant now);
    bool requeue(RequestId id, Instant now);
    void add_pod(PodId id, Instant now);
    void set_pod_ready(PodId id, bool ready, Instant now);
    void drain_pod(PodId id, Instant now);
    void remove_pod(PodId id, Instant now);
    bool grant(PodId id, Instant now);
    void reservation_open(PodId id, Instant now);
    void reservation_lost(PodId id, Instant now);
    void tick(Instant now) { advance(now); }

    // Since the last take_actions(), in the order of decision. `revision` is not set.
    std::vector<Action> take_actions() { return std::move(actions_); }
    const std::vector<Request>& requests() const { return requests_; }  // oldest first
    const std::vector<Pod>& pods() const { return pods_; }              // least id first
    const Pod* find_pod(PodId id) const;
    std::optional<Instant> wanted(PodId id) const;
    // Equal for states that will behave alike.
    std::string fingerprint() const;

  private:
    void advance(Instant now);
    void expire();
    void end_patience();
    void match();
    void start(Request& request, Pod& pod, bool granted = false);
    const Request* oldest_for(const Pod& pod) const;
    void end_reservations();
    void reserve(Pod& pod, Duration least);
    void reserve_if_contested(Pod& pod);
    void wake_if_waiting(RequestId id);
    std::optional<Duration> pin_patience(const Request& request) const;
    Pod* pod_for_model(const Request& request);
    bool may_use(const Request& request, const Pod& pod);
    bool may_be_passed(const Request& request) const;
    // The younger request that gets `pod` in place of `request`; null if none does.
    Request* passes(const Request& request, const Pod& pod);
    Pod* pod_for(const Request& request);
    Pod* pinned(const Request& request);
    void choose_line(Request& request);
    void release(Request& request);
    void back_off(Pod& pod, bool blocks_controls);
    void release_waiters(PodId id);
    bool cold() const;
    bool free(const Pod& pod) const;
    static bool usable_for_controls(const Pod& pod);
    Request* find(RequestId id);
    Pod* find_pod(PodId id);
    void erase(RequestId id);
    void forget_idle_leavers();

    RevisionPolicy policy_;
    std::size_t byte_limit_;
    Instant now_;
    std::vector<Request> requests_;
    std::vector<Pod> pods_;
    std::vector<Action> actions_;
    Duration mean_run_{};  // of the last 16 or so
    bool any_run_ = false;
    bool models_seen_ = false;
};

}  // namespace reference
