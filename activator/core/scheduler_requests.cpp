// The way of one request through the scheduler: choose, wait or start, end or return.
#include "activator/core/scheduler_state.hpp"
#include "common/core/check.hpp"

namespace activator {

PodSlots* Scheduler::State::pinned_pod(const ScheduledRequest& request) {
    if (!request.has_pin) return nullptr;
    PodSlots* pod = find_pod(request.pin);
    if (pod == nullptr || !pod->present || pod->revision != request.revision) return nullptr;
    return pod;
}

Scheduler::State::Choice Scheduler::State::choose_for_control(const ScheduledRequest& request) {
    PodSlots* pod = pinned_pod(request);
    if (pod == nullptr || !pod->usable_for_controls()) {
        pod = request.revision->pods.best_for_control();
    }
    return {pod, Place::control_line, pod != nullptr};
}

// REQUIRES: the request stands nowhere, so that its marks are what it has waited.
Scheduler::State::Choice Scheduler::State::choose(const ScheduledRequest& request) {
    if (request.control) return choose_for_control(request);
    PodSlots* pinned = pinned_pod(request);
    if (pinned != nullptr && pinned->stays()) {
        const std::optional<Duration> patience = pin_patience(request);
        const bool holds = !patience || request.wait_mark() < *patience;
        if (pinned->free() && (holds || request.model == any_model)) {
            return {pinned, Place::pod_line, true};
        }
        if (holds) return {pinned, Place::pod_line, false};
    }
    PodSlots* any = best_free(request);
    return {any, Place::shared_line, any != nullptr};
}

Refusal Scheduler::State::arrive(const Arrival& arrival) {
    RevisionQueue* revision = find_revision(arrival.revision);
    if (revision == nullptr || revision->removed) return Refusal::unknown_revision;

    ScheduledRequest draft;
    draft.id = arrival.id;
    draft.age = next_age;
    draft.arrived = now;
    draft.revision = revision;
    draft.has_pin = arrival.pinned.has_value();
    draft.pin = arrival.pinned.value_or(PodId{});
    draft.bytes = arrival.bytes;
    draft.control = arrival.control;
    if (!arrival.control) draft.model = arrival.model;
    if (draft.model != any_model && !revision->pods.uses_models()) {
        revision->pods.use_models(revision->policy.concurrency);
    }
    const Choice choice = choose(draft);
    if (!choice.at_once) {
        if (revision->waiting() >= revision->policy.queue_limit) return Refusal::queue_full;
        const std::size_t held = bytes_waiting + bytes_elsewhere;
        const bool fits =
            arrival.bytes <= limits.queue_bytes && held <= limits.queue_bytes - arrival.bytes;
        if (!fits) return Refusal::bytes_full;
    }
    ++next_age;
    const auto [entry, is_new] = requests.try_emplace(arrival.id, draft);
    CHECK(is_new);
    put(entry->second, choice);
    settle(*revision);
    return Refusal::none;
}

bool Scheduler::State::abandon(RequestId id) {
    const auto found = requests.find(id);
    if (found == requests.end() || found->second.place == Place::running) return false;
    RevisionQueue& revision = *found->second.revision;
    dequeue(found->second);
    requests.erase(found);
    settle(revision);
    return true;
}

bool Scheduler::State::finish(RequestId id, Outcome outcome) {
    const auto found = requests.find(id);
    if (found == requests.end() || found->second.place != Place::running) return false;
    ScheduledRequest& request = found->second;
    PodSlots& pod = release(request);
    switch (outcome) {
        case Outcome::done:
            pod.failures = 0;
            if (!request.control) request.revision->models.note_run(now - request.started);
            if (!request.control || pod.backoff_blocks_controls) end_backoff(pod);
            break;
        case Outcome::refused:
            if (request.control) {
                back_off(pod, true);
            } else {
                reserve(pod, pod.revision->policy.backoff_first);
            }
            break;
        case Outcome::unreachable:
        case Outcome::failed:
            forget_model(pod);
            back_off(pod, true);
            break;
    }
    if (outcome == Outcome::done || outcome == Outcome::failed) {
        requests.erase(found);
    } else {
        return_to_place(request);
    }
    after_release(pod);
    return true;
}

bool Scheduler::State::requeue(RequestId id) {
    const auto found = requests.find(id);
    if (found == requests.end() || found->second.place != Place::running) return false;
    ScheduledRequest& request = found->second;
    PodSlots& pod = release(request);
    if (request.pin == pod.id) request.has_pin = false;
    forget_model(pod);
    back_off(pod, true);
    return_to_place(request);
    after_release(pod);
    return true;
}

PodSlots& Scheduler::State::release(ScheduledRequest& request) {
    PodSlots& pod = *request.pod;
    RevisionQueue& revision = *request.revision;
    if (request.control) {
        --pod.controls;
        --revision.controls_running;
    } else {
        --pod.in_flight;
        --revision.running;
        if (pod.in_flight == 0) pod.idle_since = now;
    }
    request.pod = nullptr;
    return pod;
}

void Scheduler::State::after_release(PodSlots& pod) {
    RevisionQueue& revision = *pod.revision;
    serve_from(pod);
    forget_if_gone(pod);
    settle(revision);
}

void Scheduler::State::return_to_place(ScheduledRequest& request) {
    if (request.revision->removed) {
        expire(request, ExpiryCause::revision_removed);
        return;
    }
    // Only a policy change while it ran can have used up its budget.
    const RevisionQueue& revision = *request.revision;
    const bool cold = revision.clock.cold_runs();
    const bool over = cold ? request.cold_mark >= revision.policy.cold_start_timeout
                           : request.queued_mark >= revision.policy.queue_timeout;
    if (over) {
        expire(request, cold ? ExpiryCause::cold_start_timeout : ExpiryCause::queue_timeout);
        return;
    }
    put(request, choose(request));
}

void Scheduler::State::put(ScheduledRequest& request, const Choice& choice) {
    if (choice.at_once) {
        start(request, *choice.pod);
        refresh(*choice.pod);
        return;
    }
    enqueue(request, choice);
    const RevisionQueue& revision = *request.revision;
    if (revision.pods.best_free() != nullptr) return;
    actions.push_back({Action::Kind::wake, {}, request.id, {}, revision.id, {}, {}, false});
}

void Scheduler::State::start(ScheduledRequest& request, PodSlots& pod, bool granted) {
    RevisionQueue& revision = *request.revision;
    request.place = Place::running;
    request.pod = &pod;
    if (request.control) {
        ++pod.controls;
        ++revision.controls_running;
    } else {
        ++pod.in_flight;
        ++revision.running;
        request.started = now;
        if (request.model != any_model) ModelPods::use(pod.model, request.model, now);
    }
    actions.push_back({Action::Kind::assign,
                       {},
                       request.id,
                       pod.id,
                       revision.id,
                       request.cold_mark,
                       request.queued_mark,
                       granted});
}

void Scheduler::State::add_to_line(ScheduledRequest& request) {
    if (request.place == Place::control_line) {
        request.revision->controls.add(request);
        return;
    }
    (request.place == Place::pod_line ? request.pod->line : request.revision->shared).add(request);
}

void Scheduler::State::remove_from_line(ScheduledRequest& request) {
    if (request.place == Place::control_line) {
        request.revision->controls.remove(request);
        return;
    }
    CHECK(request.place != Place::running);
    (request.place == Place::pod_line ? request.pod->line : request.revision->shared)
        .remove(request);
}

void Scheduler::State::enqueue(ScheduledRequest& request, const Choice& choice) {
    RevisionQueue& revision = *request.revision;
    request.cold_mark = revision.clock.cold_reading(now) - request.cold_mark;
    request.queued_mark = revision.clock.queued_reading(now) - request.queued_mark;
    request.place = choice.place;
    request.pod = choice.pod;
    add_to_line(request);
    revision.budgets.add(request);
    if (request.place == Place::pod_line) {
        revision.patience.add(request);
        line_changed(*request.pod);
    }
    revision.bytes_waiting += request.bytes;
    bytes_waiting += request.bytes;
}

void Scheduler::State::dequeue(ScheduledRequest& request) {
    RevisionQueue& revision = *request.revision;
    remove_from_line(request);
    revision.budgets.remove(request);
    if (request.place == Place::pod_line) {
        revision.patience.remove(request);
        line_changed(*request.pod);
    }
    revision.bytes_waiting -= request.bytes;
    bytes_waiting -= request.bytes;
    request.cold_mark = revision.clock.cold_reading(now) - request.cold_mark;
    request.queued_mark = revision.clock.queued_reading(now) - request.queued_mark;
    request.place = Place::running;
    request.pod = nullptr;
}

void Scheduler::State::expire(ScheduledRequest& request, ExpiryCause cause) {
    if (request.place != Place::running) dequeue(request);
    actions.push_back({Action::Kind::expire,
                       cause,
                       request.id,
                       {},
                       request.revision->id,
                       request.cold_mark,
                       request.queued_mark,
                       false});
    requests.erase(request.id);
}

void Scheduler::State::join_shared_line(ScheduledRequest& pinned) {
    RevisionQueue& revision = *pinned.revision;
    pinned.pod->line.remove(pinned);
    line_changed(*pinned.pod);
    revision.patience.remove(pinned);
    pinned.place = Place::shared_line;
    pinned.pod = nullptr;
    revision.shared.add(pinned);
}

}  // namespace activator
