// What the models of requests and pods change about who goes where. Where no request names a model,
// everything here answers as if it were not there.
#include <algorithm>

#include "activator/core/scheduler_state.hpp"

namespace activator {

std::optional<Duration> Scheduler::State::pin_patience(const ScheduledRequest& request) {
    const std::optional<Duration>& patience = request.revision->policy.affinity_patience;
    // What it named is what it needs of a pod; to wait for one pod would cost more than it saves.
    if (!patience && request.model != any_model) return Duration::zero();
    return patience;
}

void Scheduler::State::release_model_requests(RevisionQueue& revision) {
    if (revision.policy.affinity_patience || !revision.pods.uses_models()) return;
    for (const auto& [id, pod] : revision.pods.all()) {
        while (ScheduledRequest* request = pod->line.oldest_with_model())
            join_shared_line(*request);
    }
}

PodSlots* Scheduler::State::best_free(const ScheduledRequest& request) {
    PodSlots* best = request.revision->pods.best_free_for(request.model, now);
    if (best == nullptr || request.model == any_model) return best;
    PodSlots* pinned = pinned_pod(request);
    const bool equal = pinned != nullptr && pinned->free() &&
                       pinned->model.key == best->model.key && best->model.key == request.model;
    return equal ? pinned : best;
}

ScheduledRequest& Scheduler::State::first_for(PodSlots& pod, ScheduledRequest& next) {
    const ModelKey model = pod.model.key;
    if (model == any_model || next.model == any_model || next.model == model) return next;
    if (!may_be_passed(next)) return next;
    ScheduledRequest* first = pod.revision->shared.oldest_of(model);
    ScheduledRequest* own = pod.line.oldest_of(model);
    if (first == nullptr || (own != nullptr && own->age < first->age)) first = own;
    return first == nullptr ? next : *first;
}

bool Scheduler::State::may_be_passed(const ScheduledRequest& request) const {
    const RevisionQueue& revision = *request.revision;
    const RevisionPolicy& policy = revision.policy;
    Duration patience{};
    if (policy.model_patience) {
        patience = *policy.model_patience;
    } else {
        const std::size_t waiting = revision.waiting() - revision.controls.size();
        const std::size_t slots = revision.pods.ready_count() * policy.concurrency;
        patience = revision.models.patience(waiting, slots, policy.queue_timeout);
    }
    return now - request.arrived < patience;
}

void Scheduler::State::forget_model(PodSlots& pod) {
    ModelPods::forget(pod.model);
    refresh(pod);
}

}  // namespace activator
