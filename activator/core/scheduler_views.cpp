// What the page, the metrics and the autoscaler may ask. Nothing here changes anything.
#include <algorithm>
#include <vector>

#include "activator/core/scheduler_state.hpp"

namespace activator {

RevisionView Scheduler::revision(RevisionId id) const {
    const RevisionQueue* revision = state_->find_revision(id);
    RevisionView view;
    if (revision == nullptr) return view;
    view.waiting = revision->waiting() - revision->controls.size();
    view.running = revision->running;
    view.controls = revision->controls.size() + revision->controls_running;
    view.bytes_waiting = revision->bytes_waiting;
    view.pods_ready = revision->pods.ready_count();
    view.slots_free = revision->pods.slots_free(revision->policy.concurrency);
    return view;
}

std::optional<PodView> Scheduler::pod(PodId id) const {
    const PodSlots* pod = state_->find_pod(id);
    if (pod == nullptr) return std::nullopt;
    PodView view;
    view.id = id;
    view.in_flight = pod->in_flight;
    view.controls = pod->controls;
    view.pinned_waiting = pod->line.size();
    view.ready = pod->ready;
    view.draining = pod->draining;
    view.backing_off = pod->standing == Standing::backing_off;
    view.reserved = pod->standing == Standing::reserved;
    view.model = pod->model.key;
    view.leaving = !pod->present;
    view.sessions_live_until = pod->sessions_live_until;
    view.idle_since = pod->idle_since;
    return view;
}

std::optional<Instant> Scheduler::wanted(PodId id) const {
    const PodSlots* pod = state_->find_pod(id);
    if (pod == nullptr || !pod->may_be_given()) return std::nullopt;
    const bool contested = pod->contested && pod->standing == Standing::good;
    if (pod->standing != Standing::reserved && !contested) return std::nullopt;
    const ScheduledRequest* oldest = State::oldest_for(*pod);
    if (oldest == nullptr) return std::nullopt;
    return oldest->arrived;
}

SlotSeconds Scheduler::slot_seconds(RevisionId id, Instant now) const {
    SlotSeconds seconds;
    const RevisionQueue* revision = state_->find_revision(id);
    if (revision == nullptr) return seconds;
    seconds.running = revision->running_slots.seconds(now);
    seconds.idle = revision->free_slots.seconds(now);
    return seconds;
}

std::optional<std::size_t> Scheduler::position(RequestId id) const {
    const auto found = state_->requests.find(id);
    if (found == state_->requests.end() || found->second.place == Place::running) {
        return std::nullopt;
    }
    const ScheduledRequest& request = found->second;
    const RevisionQueue& revision = *request.revision;
    if (request.control) return revision.controls.count_older(request.age);
    std::size_t ahead = revision.shared.count_older(request.age);
    for (const auto& [pod_id, pod] : revision.pods.all())
        ahead += pod->line.count_older(request.age);
    return ahead;
}

std::size_t Scheduler::idle_pods(RevisionId revision_id, std::size_t count, Instant now,
                                 std::span<PodId> out) const {
    const RevisionQueue* revision = state_->find_revision(revision_id);
    if (revision == nullptr) return 0;
    std::vector<const PodSlots*> idle;
    for (const auto& [pod_id, pod] : revision->pods.all()) {
        // A reserved pod runs somebody else's request.
        const bool at_work = pod->in_flight != 0 || pod->standing == Standing::reserved;
        if (!at_work && pod->line.empty() && !pod->draining) idle.push_back(pod);
    }
    std::sort(idle.begin(), idle.end(), [now](const PodSlots* a, const PodSlots* b) {
        if (a->ready != b->ready) return b->ready;
        const bool a_lives = a->sessions_live_until > now;
        const bool b_lives = b->sessions_live_until > now;
        if (a_lives != b_lives) return b_lives;
        return a->id > b->id;
    });
    const std::size_t found = std::min({idle.size(), count, out.size()});
    for (std::size_t i = 0; i < found; ++i)
        out[i] = idle[i]->id;
    return found;
}

}  // namespace activator
