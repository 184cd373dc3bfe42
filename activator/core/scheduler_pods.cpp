// What happens to waiting requests when pods come, go, fail, recover, or free a slot.
#include <algorithm>
#include <set>
#include <utility>

#include "activator/core/scheduler_state.hpp"
#include "common/core/check.hpp"

namespace activator {
namespace {

// first * 2^failures, at most `max`.
Duration backoff_length(const RevisionPolicy& policy, std::uint32_t failures) {
    Duration length = std::min(policy.backoff_first, policy.backoff_max);
    // Beyond 64 doublings any length above zero has reached any maximum.
    for (std::uint32_t i = 0; i < std::min(failures, 64U); ++i) {
        length = length > policy.backoff_max / 2 ? policy.backoff_max : length * 2;
    }
    return length;
}

}  // namespace

PodSlots* Scheduler::State::find_pod(PodId id) {
    const auto found = pods.find(id);
    return found == pods.end() ? nullptr : &found->second;
}

void Scheduler::State::refresh(PodSlots& pod) {
    if (pod.present) pod.revision->pods.refresh(pod, pod.revision->policy.concurrency);
}

void Scheduler::State::fill(PodSlots& pod) {
    reserve_if_contested(pod);
    while (pod.has_free_slot(pod.revision->policy.concurrency)) {
        ScheduledRequest* oldest = oldest_for(pod);
        if (oldest == nullptr) break;
        ScheduledRequest& first = first_for(pod, *oldest);
        dequeue(first);
        start(first, pod);
    }
    refresh(pod);
}

void Scheduler::State::match_shared(RevisionQueue& revision) {
    while (ScheduledRequest* oldest = revision.shared.oldest()) {
        PodSlots* pod = best_free(*oldest);
        if (pod == nullptr) return;
        ScheduledRequest& first = first_for(*pod, *oldest);
        dequeue(first);
        start(first, *pod);
        refresh(*pod);
    }
}

void Scheduler::State::match_all(RevisionQueue& revision) {
    std::set<std::pair<std::uint64_t, PodId>> own_lines;  // free pods by the age of their oldest
    for (const auto& [rank, pod] : revision.pods.free_pods()) {
        if (!pod->line.empty()) own_lines.emplace(pod->line.oldest()->age, pod->id);
    }
    for (;;) {
        ScheduledRequest* oldest =
            revision.pods.best_free() == nullptr ? nullptr : revision.shared.oldest();
        PodSlots* pod = oldest == nullptr ? nullptr : best_free(*oldest);
        if (!own_lines.empty()) {
            PodSlots* owner = find_pod(own_lines.begin()->second);
            if (!owner->free()) {
                own_lines.erase(own_lines.begin());
                continue;
            }
            if (oldest == nullptr || owner->line.oldest()->age < oldest->age) {
                oldest = owner->line.oldest();
                pod = owner;
            }
        }
        if (oldest == nullptr) return;
        ScheduledRequest& first = first_for(*pod, *oldest);
        own_lines.erase({pod->line.empty() ? 0 : pod->line.oldest()->age, pod->id});
        dequeue(first);
        start(first, *pod);
        refresh(*pod);
        if (!pod->line.empty()) own_lines.emplace(pod->line.oldest()->age, pod->id);
    }
}

void Scheduler::State::start_controls(RevisionQueue& revision) {
    while (ScheduledRequest* oldest = revision.controls.oldest()) {
        const Choice choice = choose_for_control(*oldest);
        if (!choice.at_once) return;
        dequeue(*oldest);
        start(*oldest, *choice.pod);
        refresh(*choice.pod);
    }
}

void Scheduler::State::run_right_clock(RevisionQueue& revision) {
    const bool cold = revision.pods.ready_count() == 0;
    if (cold == revision.clock.cold_runs()) return;
    revision.clock.run_cold(cold, now);
    expire_due(revision);
}

void Scheduler::State::serve_from(PodSlots& pod) {
    RevisionQueue& revision = *pod.revision;
    run_right_clock(revision);
    if (!revision.controls.empty()) {
        refresh(pod);
        start_controls(revision);
    }
    fill(pod);
}

void Scheduler::State::release_line(PodSlots& pod) {
    while (ScheduledRequest* oldest = pod.line.oldest())
        join_shared_line(*oldest);
}

// `until`: as PodSlots::standing_until; not used for good standing.
void Scheduler::State::set_standing(PodSlots& pod, Standing standing, Instant until) {
    if (pod.timed) standing_ends.erase({pod.standing_until, pod.id});
    pod.standing = standing;
    pod.backoff_blocks_controls = false;
    pod.timed = standing != Standing::good;
    pod.standing_until = until;
    if (pod.timed) standing_ends.insert({until, pod.id});
    refresh(pod);
}

// Failures of requests that were sent before the back-off began do not lengthen it.
void Scheduler::State::back_off(PodSlots& pod, bool blocks_controls) {
    if (!pod.present) return;
    if (pod.standing != Standing::backing_off) {
        const Duration length = backoff_length(pod.revision->policy, pod.failures);
        set_standing(pod, Standing::backing_off, BudgetClock::later(now, length));
        ++pod.failures;
    }
    pod.backoff_blocks_controls = pod.backoff_blocks_controls || blocks_controls;
    refresh(pod);
}

void Scheduler::State::end_backoff(PodSlots& pod) {
    if (pod.standing == Standing::backing_off) set_standing(pod, Standing::good, {});
}

// One that backs off stays so: it failed, and says no more than that it did.
void Scheduler::State::reserve(PodSlots& pod, Duration least) {
    if (!pod.present || pod.standing != Standing::good) return;
    set_standing(pod, Standing::reserved, BudgetClock::later(now, least));
    if (least <= Duration{}) standing_due(pod);
    actions.push_back({Action::Kind::reserve, {}, {}, pod.id, pod.revision->id, {}, {}, false});
}

void Scheduler::State::reserve_if_contested(PodSlots& pod) {
    if (!pod.contested || !pod.has_free_slot(pod.revision->policy.concurrency)) return;
    if (oldest_for(pod) != nullptr) reserve(pod, Duration{});
}

void Scheduler::State::standing_due(PodSlots& pod) {
    if (pod.standing == Standing::backing_off) {
        end_backoff(pod);
        serve_from(pod);
        return;
    }
    standing_ends.erase({pod.standing_until, pod.id});
    pod.timed = false;
    refresh(pod);  // settle() ends it if nobody waits
}

ScheduledRequest* Scheduler::State::oldest_for(const PodSlots& pod) {
    ScheduledRequest* own = pod.line.oldest();
    ScheduledRequest* shared = pod.revision->shared.oldest();
    if (own == nullptr || (shared != nullptr && shared->age < own->age)) return shared;
    return own;
}

bool Scheduler::State::grant(PodId id) {
    PodSlots* pod = find_pod(id);
    if (pod == nullptr || !pod->may_be_given() || pod->standing == Standing::backing_off)
        return false;
    ScheduledRequest* oldest = oldest_for(*pod);
    if (oldest == nullptr) return false;
    ScheduledRequest& first = first_for(*pod, *oldest);
    dequeue(first);
    start(first, *pod, true);
    refresh(*pod);
    settle(*pod->revision);
    return true;
}

void Scheduler::State::take_away(PodSlots& pod) {
    RevisionQueue& revision = *pod.revision;
    set_standing(pod, Standing::good, {});
    pod.contested = false;
    revision.pods.remove(pod);
    pod.present = false;
    pod.ready = false;
    run_right_clock(revision);
    release_line(pod);
    match_shared(revision);
    forget_if_gone(pod);
}

void Scheduler::State::forget_if_gone(PodSlots& pod) {
    if (!pod.present && pod.idle()) pods.erase(pod.id);
}

void Scheduler::State::forget_if_over(RevisionQueue& revision) {
    if (!revision.removed || revision.running != 0 || revision.controls_running != 0) return;
    CHECK(revision.deadline == Instant::max());
    revisions.erase(revision.id);
}

void Scheduler::add_pod(RevisionId revision_id, PodId id, Instant now) {
    state_->advance(now);
    RevisionQueue* revision = state_->find_revision(revision_id);
    CHECK(revision != nullptr && !revision->removed);
    const auto [entry, is_new] = state_->pods.try_emplace(id, id, *revision, &state_->pool);
    PodSlots& pod = entry->second;
    CHECK(is_new || (!pod.present && pod.revision == revision));
    pod.present = true;
    pod.ready = false;
    pod.draining = false;
    pod.failures = 0;
    ModelPods::forget(pod.model);
    if (pod.in_flight == 0) pod.idle_since = now;
    revision->pods.add(pod, revision->policy.concurrency);
}

void Scheduler::set_pod_ready(PodId id, bool ready, Instant now) {
    state_->advance(now);
    PodSlots* pod = state_->find_pod(id);
    if (pod == nullptr || !pod->present) return;
    pod->ready = ready;
    if (ready) state_->end_backoff(*pod);
    if (!ready) ModelPods::forget(pod->model);
    state_->refresh(*pod);
    state_->serve_from(*pod);
    state_->settle(*pod->revision);
}

void Scheduler::drain_pod(PodId id, Instant now) {
    state_->advance(now);
    PodSlots* pod = state_->find_pod(id);
    if (pod == nullptr || !pod->present || pod->draining) return;
    RevisionQueue& revision = *pod->revision;
    pod->draining = true;
    state_->refresh(*pod);
    state_->run_right_clock(revision);
    state_->release_line(*pod);
    state_->match_shared(revision);
    state_->settle(revision);
}

void Scheduler::remove_pod(PodId id, Instant now) {
    state_->advance(now);
    PodSlots* pod = state_->find_pod(id);
    if (pod == nullptr || !pod->present) return;
    RevisionQueue& revision = *pod->revision;
    state_->take_away(*pod);
    state_->settle(revision);
}

bool Scheduler::grant(PodId id, Instant now) {
    state_->advance(now);
    return state_->grant(id);
}

void Scheduler::reservation_open(PodId id, Instant now) {
    state_->advance(now);
    PodSlots* pod = state_->find_pod(id);
    if (pod != nullptr && pod->present) pod->contested = true;
}

void Scheduler::reservation_lost(PodId id, Instant now) {
    state_->advance(now);
    PodSlots* pod = state_->find_pod(id);
    if (pod == nullptr) return;
    pod->contested = false;
    if (pod->standing != Standing::reserved) return;
    state_->back_off(*pod, false);
    state_->settle(*pod->revision);
}

void Scheduler::note_session(PodId id, Instant until) {
    PodSlots* pod = state_->find_pod(id);
    if (pod == nullptr) return;
    pod->sessions_live_until = std::max(pod->sessions_live_until, until);
}

}  // namespace activator
