#include "tests/sim/ledger.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sim {

Ledger::Ledger(std::uint64_t number, const RevisionPolicy& policy, const Limits& limits,
               Instant now, Trace& trace)
    : number_(number),
      policy_(policy),
      limits_(limits),
      scheduler_(limits),
      trace_(trace),
      now_(now) {
    scheduler_.add_revision(revision(), policy, now);
}

void Ledger::Totals::add(const Totals& more) {
    arrived += more.arrived;
    refused += more.refused;
    assigned += more.assigned;
    done += more.done;
    failed += more.failed;
    returned += more.returned;
    abandoned += more.abandoned;
    expired += more.expired;
    granted += more.granted;
    passed += more.passed;
}

void Ledger::check(bool holds, const char* what) const {
    if (holds) return;
    throw std::logic_error("activator " + std::to_string(number_) + ": " + what);
}

void Ledger::note(const char* what, RequestId request, PodId pod, std::uint64_t detail) {
    trace_.add({now_, what, number_, request.value, pod.value, detail});
}

// --- What the ledger believes

bool Ledger::cold() const {
    for (const auto& [id, pod] : pods_) {
        if (pod.present && pod.ready && !pod.draining) return false;
    }
    return true;
}

bool Ledger::knows(PodId id) const {
    const auto found = pods_.find(id);
    return found != pods_.end() && found->second.present;
}

std::optional<PodId> Ledger::some_pod(std::uint64_t choice) const {
    if (pods_.empty()) return std::nullopt;
    auto pod = pods_.begin();
    std::advance(pod, static_cast<std::ptrdiff_t>(choice % pods_.size()));
    return pod->first;
}

Duration Ledger::cold_used(const Entry& entry) const {
    return entry.cold + (cold_clock_ - entry.cold_since);
}

Duration Ledger::queued_used(const Entry& entry) const {
    return entry.queued + (queued_clock_ - entry.queued_since);
}

// Must the request wait for its own pod?
bool Ledger::pin_holds(const Entry& entry) const {
    if (!entry.arrival.pinned || entry.left_pin || entry.arrival.control) return false;
    const auto found = pods_.find(*entry.arrival.pinned);
    if (found == pods_.end() || !found->second.present || found->second.draining) return false;
    std::optional<Duration> patience = policy_.affinity_patience;
    if (!patience && entry.arrival.model != any_model) patience = Duration{};
    return !patience || cold_used(entry) + queued_used(entry) < *patience;
}

bool Ledger::may_run_on(const Entry& entry, PodId pod) const {
    return !pin_holds(entry) || entry.arrival.pinned == pod;
}

bool Ledger::has_free_slot(PodId id, const KnownPod& pod) const {
    if (!pod.present || !pod.ready || pod.draining) return false;
    const PodView view = scheduler_.pod(id).value();
    if (view.backing_off || view.reserved) return false;
    return policy_.concurrency == 0 || pod.in_flight < policy_.concurrency;
}

void Ledger::begin_wait(Entry entry) {
    entry.cold_since = cold_clock_;
    entry.queued_since = queued_clock_;
    entry.left_pin = false;
    entry.left_pin = entry.arrival.pinned && !pin_holds(entry);
    bytes_waiting_ += entry.arrival.bytes;
    controls_waiting_ += entry.arrival.control ? 1 : 0;
    const bool is_new = waiting_.emplace(entry.arrival.id, entry).second;
    check(is_new, "a request waits twice");
}

Ledger::Entry Ledger::end_wait(RequestId id) {
    const auto found = waiting_.find(id);
    check(found != waiting_.end(), "a request that does not wait was assigned, expired or left");
    Entry entry = found->second;
    entry.cold = cold_used(entry);
    entry.queued = queued_used(entry);
    bytes_waiting_ -= entry.arrival.bytes;
    controls_waiting_ -= entry.arrival.control ? 1 : 0;
    waiting_.erase(found);
    return entry;
}

std::optional<Ledger::Entry> Ledger::end_run(RequestId id) {
    const auto found = running_.find(id);
    if (found == running_.end()) return std::nullopt;
    Entry entry = found->second;
    running_.erase(found);
    KnownPod& pod = pods_.at(entry.pod);
    --(entry.arrival.control ? pod.controls : pod.in_flight);
    return entry;
}

void Ledger::note_failure(PodId id, bool holds_controls) {
    KnownPod& pod = pods_.at(id);
    if (!pod.present) return;
    const bool already = scheduler_.pod(id)->backing_off;
    if (!already) pod.held_until = now_ + policy_.backoff_first;
    pod.holds_controls = holds_controls || (already && pod.holds_controls);
    pod.last_failure = now_;
}

void Ledger::note_busy(PodId id) {
    KnownPod& pod = pods_.at(id);
    const std::optional<PodView> view = scheduler_.pod(id);
    if (!pod.present || view->backing_off || view->reserved) return;
    pod.held_until = now_ + policy_.backoff_first;
    pod.holds_controls = false;
}

bool Ledger::reserved(PodId id) const {
    const std::optional<PodView> view = scheduler_.pod(id);
    return view && view->reserved;
}

void Ledger::release_waiters(PodId id) {
    for (auto& [request, entry] : waiting_) {
        if (entry.arrival.pinned == id) entry.left_pin = true;
    }
}

void Ledger::pass_time(Instant now) {
    (cold() ? cold_clock_ : queued_clock_) += now - now_;
    now_ = now;
    scheduler_.tick(now);
    digest();
    check(scheduler_.next_deadline() > now, "a deadline is still due after tick");
}

// --- Calls

void Ledger::tick(Instant now) {
    pass_time(now);
    note("tick", {}, {});
    after_call();
}

void Ledger::arrive(const Arrival& arrival, Instant now) {
    pass_time(now);
    Entry entry;
    entry.arrival = arrival;
    entry.arrived = now;
    ++totals_.arrived;
    const bool queue_full = waiting_.size() >= policy_.queue_limit;
    const bool bytes_full = bytes_waiting_ + arrival.bytes > limits_.queue_bytes;
    const Refusal refusal = scheduler_.arrive(arrival, now);
    note("arrive", arrival.id, arrival.pinned.value_or(PodId{}),
         static_cast<std::uint64_t>(refusal) + (arrival.control ? 10 : 0) + 100 * arrival.model);
    check(refusal != Refusal::unknown_revision, "a known revision was refused");
    check(refusal != Refusal::queue_full || queue_full, "refused below the queue's limit");
    check(refusal != Refusal::bytes_full || bytes_full, "refused below the limit of bytes");
    if (refusal != Refusal::none) {
        ++totals_.refused;
        check(scheduler_.actions().empty(), "a refused arrival decided something");
        for (const auto& [id, pod] : pods_) {
            check(arrival.control || !has_free_slot(id, pod) || arrival.pinned,
                  "refused next to a free slot");
        }
        return;
    }
    begin_wait(entry);
    digest();
    const bool waits = waiting_.contains(arrival.id);
    check(!waits || (!queue_full && !bytes_full), "queued beyond a limit");
    after_call();
}

void Ledger::abandon(RequestId id, Instant now) {
    pass_time(now);
    const bool waits = waiting_.contains(id);
    if (waits) {
        end_wait(id);
        ++totals_.abandoned;
    }
    note("abandon", id, {}, waits);
    check(scheduler_.abandon(id, now) == waits, "abandon() disagrees about who waits");
    digest();
    after_call();
}

void Ledger::finish(RequestId id, Outcome outcome, Instant now) {
    pass_time(now);
    std::optional<Entry> entry = end_run(id);
    note("finish", id, entry ? entry->pod : PodId{}, static_cast<std::uint64_t>(outcome));
    if (entry) {
        if (outcome == Outcome::done) {
            KnownPod& pod = pods_.at(entry->pod);
            const bool ends_hold = !entry->arrival.control || pod.holds_controls;
            if (ends_hold && !reserved(entry->pod)) pod.held_until = Instant::min();
            if (!entry->arrival.control) {
                const Duration took = now - entry->started;
                mean_run_ = any_run_ ? mean_run_ + (took - mean_run_) / 16 : took;
                any_run_ = true;
            }
            ++totals_.done;
        } else if (outcome == Outcome::refused && !entry->arrival.control) {
            note_busy(entry->pod);
        } else {
            if (outcome != Outcome::refused) pods_.at(entry->pod).model = any_model;
            note_failure(entry->pod, true);
        }
        if (outcome == Outcome::failed) ++totals_.failed;
        if (outcome == Outcome::refused || outcome == Outcome::unreachable) {
            ++totals_.returned;
            begin_wait(*entry);
        }
    }
    check(scheduler_.finish(id, outcome, now) == entry.has_value(),
          "finish() disagrees about who runs");
    digest();
    after_call();
}

void Ledger::requeue(RequestId id, Instant now) {
    pass_time(now);
    std::optional<Entry> entry = end_run(id);
    note("requeue", id, entry ? entry->pod : PodId{});
    if (entry) {
        note_failure(entry->pod, true);
        pods_.at(entry->pod).model = any_model;
        if (entry->arrival.pinned == entry->pod) entry->arrival.pinned.reset();
        ++totals_.returned;
        begin_wait(*entry);
    }
    check(scheduler_.requeue(id, now) == entry.has_value(), "requeue() disagrees about who runs");
    digest();
    after_call();
}

void Ledger::add_pod(PodId id, Instant now) {
    pass_time(now);
    KnownPod& pod = pods_[id];
    pod.present = true;
    pod.ready = pod.draining = false;
    pod.held_until = Instant::min();
    pod.model = any_model;
    note("add_pod", {}, id, pod.in_flight);
    scheduler_.add_pod(revision(), id, now);
    digest();
    after_call();
}

void Ledger::set_pod_ready(PodId id, bool ready, Instant now) {
    pass_time(now);
    if (knows(id)) {
        pods_.at(id).ready = ready;
        if (ready && !reserved(id)) pods_.at(id).held_until = Instant::min();
        if (!ready) pods_.at(id).model = any_model;
    }
    note("set_ready", {}, id, ready);
    scheduler_.set_pod_ready(id, ready, now);
    digest();
    after_call();
}

void Ledger::drain_pod(PodId id, Instant now) {
    pass_time(now);
    if (knows(id)) {
        pods_.at(id).draining = true;
        release_waiters(id);
    }
    note("drain_pod", {}, id);
    scheduler_.drain_pod(id, now);
    digest();
    after_call();
}

void Ledger::remove_pod(PodId id, Instant now) {
    pass_time(now);
    if (knows(id)) {
        pods_.at(id).present = pods_.at(id).ready = false;
        release_waiters(id);
    }
    note("remove_pod", {}, id);
    scheduler_.remove_pod(id, now);
    digest();
    after_call();
}

void Ledger::set_policy(const RevisionPolicy& policy, Instant now) {
    pass_time(now);
    policy_ = policy;
    note("set_policy", {}, {}, policy.concurrency);
    scheduler_.set_policy(revision(), policy, now);
    digest();
    after_call();
}

bool Ledger::grant(PodId id, Instant now) {
    pass_time(now);
    note("grant", {}, id);
    const std::size_t running = running_.size();
    granting_ = id;
    const bool used = scheduler_.grant(id, now);
    digest();
    granting_.reset();
    check(running_.size() == running + (used ? 1 : 0), "a grant is for one request");
    after_call();
    return used;
}

void Ledger::reservation_open(PodId id, Instant now) {
    pass_time(now);
    note("open", {}, id);
    scheduler_.reservation_open(id, now);
    digest();
    after_call();
}

void Ledger::reservation_lost(PodId id, Instant now) {
    pass_time(now);
    note("lost", {}, id);
    if (reserved(id)) note_failure(id, false);
    scheduler_.reservation_lost(id, now);
    digest();
    after_call();
}

// --- What the scheduler decided

void Ledger::digest() {
    for (const Action& action : scheduler_.actions()) {
        check(action.revision == revision(), "an action of another revision");
        if (action.kind == Action::Kind::assign) digest_assign(action);
        if (action.kind == Action::Kind::expire) digest_expire(action);
        if (action.kind == Action::Kind::reserve) {
            reserved_.push_back(action.pod);
            pods_.at(action.pod).was_reserved = true;
        }
        if (action.kind != Action::Kind::wake) continue;
        for (const auto& [id, pod] : pods_)
            check(!has_free_slot(id, pod), "wake with a free slot");
    }
    scheduler_.clear_actions();
}

void Ledger::digest_assign(const Action& action) {
    const bool waits = waiting_.contains(action.request);
    check(waits, "assigned, but it does not wait");
    KnownPod& pod = pods_.at(action.pod);
    const Entry& waiter = waiting_.at(action.request);
    check(pod.present && pod.ready, "assigned to a pod that is gone or not ready");
    check(cold_used(waiter) < policy_.cold_start_timeout &&
              queued_used(waiter) < policy_.queue_timeout,
          "assigned after its deadline");
    if (waiter.arrival.control) {
        const bool to_pin = waiter.arrival.pinned == action.pod;
        const auto pin = waiter.arrival.pinned ? pods_.find(*waiter.arrival.pinned) : pods_.end();
        const bool pin_usable = pin != pods_.end() && pin->second.present && pin->second.ready &&
                                pin->second.last_failure == Instant::min();
        check(to_pin || !pin_usable, "a control request was sent away from its pod");
    } else {
        check_slot(waiter, action, pod);
        check_model(waiter, action.pod);
        totals_.passed += check_oldest_first(waiter, action.pod) ? 1 : 0;
    }
    Entry entry = end_wait(action.request);
    check(action.waited_cold == entry.cold && action.waited_queued == entry.queued,
          "the time waited is wrong");
    entry.pod = action.pod;
    entry.started = now_;
    if (!entry.arrival.control && entry.arrival.model != any_model) pod.model = entry.arrival.model;
    ++(entry.arrival.control ? pod.controls : pod.in_flight);
    ++totals_.assigned;
    totals_.granted += action.granted ? 1 : 0;
    note("  assign", action.request, action.pod);
    const bool is_new = running_.emplace(action.request, entry).second;
    check(is_new, "assigned twice");
    assigned_.push_back({action.request, action.pod, entry.arrival.control, action.granted});
}

void Ledger::digest_expire(const Action& action) {
    const Entry entry = end_wait(action.request);
    note("  expire", action.request, {}, static_cast<std::uint64_t>(action.cause));
    ++totals_.expired;
    check(
        action.cause != ExpiryCause::cold_start_timeout || entry.cold >= policy_.cold_start_timeout,
        "expired before its cold start budget ended");
    check(action.cause != ExpiryCause::queue_timeout || entry.queued >= policy_.queue_timeout,
          "expired before its queue budget ended");
    check(action.cause != ExpiryCause::revision_removed, "the revision was not removed");
}

}  // namespace sim
