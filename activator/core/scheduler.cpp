#include "activator/core/scheduler.hpp"

#include <algorithm>

#include "activator/core/scheduler_state.hpp"
#include "common/core/check.hpp"

namespace activator {

void Scheduler::State::advance(Instant to) {
    CHECK(to >= now);
    now = to;
    while (!revision_deadlines.empty() && revision_deadlines.begin()->when <= now) {
        RevisionQueue& revision = *revision_deadlines.begin()->revision;
        expire_due(revision);
        end_patience_due(revision);
        match_shared(revision);
        settle(revision);
    }
    while (!standing_ends.empty() && standing_ends.begin()->when <= now) {
        PodSlots& pod = *find_pod(standing_ends.begin()->id);
        standing_due(pod);
        settle(*pod.revision);
    }
}

void Scheduler::State::expire_due(RevisionQueue& revision) {
    const bool cold = revision.clock.cold_runs();
    for (;;) {
        ScheduledRequest* first =
            cold ? revision.budgets.first_by_cold() : revision.budgets.first_by_queued();
        if (first == nullptr) return;
        const Duration mark = cold ? first->cold_mark : first->queued_mark;
        const Duration budget =
            cold ? revision.policy.cold_start_timeout : revision.policy.queue_timeout;
        if (revision.clock.running_reaches(mark, budget) > now) return;
        expire(*first, cold ? ExpiryCause::cold_start_timeout : ExpiryCause::queue_timeout);
    }
}

void Scheduler::State::end_patience_due(RevisionQueue& revision) {
    if (!revision.policy.affinity_patience) return;
    while (ScheduledRequest* first = revision.patience.first_by_both()) {
        const Duration patience = *revision.policy.affinity_patience;
        if (revision.clock.both_reach(first->wait_mark(), patience) > now) break;
        join_shared_line(*first);
    }
}

Instant Scheduler::State::deadline_of(const RevisionQueue& revision) const {
    Instant deadline = Instant::max();
    const RevisionPolicy& policy = revision.policy;
    if (revision.clock.cold_runs()) {
        if (const ScheduledRequest* first = revision.budgets.first_by_cold()) {
            deadline = revision.clock.running_reaches(first->cold_mark, policy.cold_start_timeout);
        }
    } else if (const ScheduledRequest* first = revision.budgets.first_by_queued()) {
        deadline = revision.clock.running_reaches(first->queued_mark, policy.queue_timeout);
    }
    if (policy.affinity_patience) {
        if (const ScheduledRequest* first = revision.patience.first_by_both()) {
            deadline = std::min(
                deadline, revision.clock.both_reach(first->wait_mark(), *policy.affinity_patience));
        }
    }
    return deadline;
}

void Scheduler::State::settle(RevisionQueue& revision) {
    // Each was reserved once for each time that it ends here.
    while (revision.shared.empty()) {
        PodSlots* pod = revision.pods.first_reserved_idle();
        if (pod == nullptr) break;
        set_standing(*pod, Standing::good, {});
    }
    keep_account(revision);
    const Instant deadline = deadline_of(revision);
    if (deadline != revision.deadline) {
        if (revision.deadline != Instant::max()) {
            revision_deadlines.erase({revision.deadline, revision.id, &revision});
        }
        if (deadline != Instant::max()) {
            revision_deadlines.insert({deadline, revision.id, &revision});
        }
        revision.deadline = deadline;
    }
    forget_if_over(revision);
}

void Scheduler::State::keep_account(RevisionQueue& revision) {
    if (revision.running != revision.running_slots.value())
        revision.running_slots.set(revision.running, now);
    const std::uint32_t concurrency = revision.policy.concurrency;
    const std::size_t free = concurrency == 0 ? 0 : revision.pods.slots_free(concurrency);
    if (free != revision.free_slots.value()) revision.free_slots.set(free, now);
}

RevisionQueue* Scheduler::State::find_revision(RevisionId id) {
    const auto found = revisions.find(id);
    return found == revisions.end() ? nullptr : &found->second;
}

Scheduler::Scheduler(const Limits& limits) : state_(std::make_unique<State>(limits)) {}
Scheduler::~Scheduler() = default;

void Scheduler::add_revision(RevisionId id, const RevisionPolicy& policy, Instant now) {
    state_->advance(now);
    const bool added = state_->revisions.try_emplace(id, id, policy, now, &state_->pool).second;
    CHECK(added);
}

void Scheduler::set_policy(RevisionId id, const RevisionPolicy& policy, Instant now) {
    state_->advance(now);
    RevisionQueue* revision = state_->find_revision(id);
    CHECK(revision != nullptr);
    revision->policy = policy;
    for (const auto& [pod_id, pod] : revision->pods.all()) {
        state_->reserve_if_contested(*pod);
        state_->refresh(*pod);
    }
    state_->expire_due(*revision);
    state_->end_patience_due(*revision);
    state_->release_model_requests(*revision);
    state_->match_all(*revision);
    state_->settle(*revision);
}

void Scheduler::remove_revision(RevisionId id, Instant now) {
    state_->advance(now);
    RevisionQueue* revision = state_->find_revision(id);
    CHECK(revision != nullptr);
    revision->removed = true;
    while (ScheduledRequest* first = revision->budgets.first_by_cold()) {
        state_->expire(*first, ExpiryCause::revision_removed);
    }
    while (!revision->pods.all().empty()) {
        state_->take_away(*revision->pods.all().begin()->second);
    }
    state_->settle(*revision);
}

void Scheduler::set_bytes_elsewhere(std::size_t bytes) {
    state_->bytes_elsewhere = bytes;
}

Refusal Scheduler::arrive(const Arrival& arrival, Instant now) {
    state_->advance(now);
    return state_->arrive(arrival);
}

// Leaving comes before what has become due: whoever the caller knows to be waiting is neither
// expired nor assigned by the very call that takes it away.
bool Scheduler::abandon(RequestId id, Instant now) {
    const bool waited = state_->abandon(id);
    state_->advance(now);
    return waited;
}

bool Scheduler::finish(RequestId id, Outcome outcome, Instant now) {
    state_->advance(now);
    return state_->finish(id, outcome);
}

bool Scheduler::requeue(RequestId id, Instant now) {
    state_->advance(now);
    return state_->requeue(id);
}

void Scheduler::tick(Instant now) {
    state_->advance(now);
}

Instant Scheduler::next_deadline() const {
    Instant next = Instant::max();
    if (!state_->revision_deadlines.empty()) next = state_->revision_deadlines.begin()->when;
    if (!state_->standing_ends.empty()) next = std::min(next, state_->standing_ends.begin()->when);
    return next;
}

std::span<const Action> Scheduler::actions() const {
    return state_->actions;
}
void Scheduler::clear_actions() {
    state_->actions.clear();
}

}  // namespace activator
