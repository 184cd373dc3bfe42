#include "tests/sim/reference_scheduler.hpp"

#include <algorithm>

namespace reference {

bool Scheduler::cold() const {
    return std::none_of(pods_.begin(), pods_.end(),
                        [](const Pod& pod) { return pod.present && pod.ready && !pod.draining; });
}

bool Scheduler::free(const Pod& pod) const {
    return pod.present && pod.ready && !pod.draining && !pod.backoff_until && !pod.reserved_until &&
           (policy_.concurrency == 0 || pod.in_flight < policy_.concurrency);
}

bool Scheduler::usable_for_controls(const Pod& pod) {
    return pod.present && pod.ready && !(pod.backoff_until && pod.blocks_controls);
}

Request* Scheduler::find(RequestId id) {
    for (Request& request : requests_) {
        if (request.id == id) return &request;
    }
    return nullptr;
}

Pod* Scheduler::find_pod(PodId id) {
    for (Pod& pod : pods_) {
        if (pod.id == id) return &pod;
    }
    return nullptr;
}

const Pod* Scheduler::find_pod(PodId id) const {
    return const_cast<Scheduler*>(this)->find_pod(id);
}

void Scheduler::erase(RequestId id) {
    std::erase_if(requests_, [id](const Request& request) { return request.id == id; });
}

void Scheduler::forget_idle_leavers() {
    std::erase_if(pods_, [](const Pod& pod) {
        return !pod.present && pod.in_flight == 0 && pod.controls == 0;
    });
}

void Scheduler::advance(Instant now) {
    const Duration passed = now - now_;
    now_ = now;
    for (Request& request : requests_) {
        if (!request.running) (cold() ? request.cold : request.queued) += passed;
    }
    expire();
    end_patience();
    match();
    for (;;) {
        Pod* next = nullptr;
        for (Pod& pod : pods_) {
            const bool due = pod.backoff_until && *pod.backoff_until <= now_;
            if (due && (next == nullptr || *pod.backoff_until < *next->backoff_until)) next = &pod;
        }
        if (next == nullptr) break;
        next->backoff_until.reset();
        reserve_if_contested(*next);
        match();
    }
    end_reservations();
}

// The oldest request that waits and may run on the pod, whatever slots it has.
const Request* Scheduler::oldest_for(const Pod& pod) const {
    for (const Request& request : requests_) {
        if (request.running || request.control) continue;
        if (!request.waits_for_pin || request.pin == pod.id) return &request;
    }
    return nullptr;
}

void Scheduler::end_reservations() {
    for (Pod& pod : pods_) {
        const bool over = pod.reserved_until && *pod.reserved_until <= now_;
        if (over && oldest_for(pod) == nullptr) pod.reserved_until.reset();
    }
}

std::optional<Instant> Scheduler::wanted(PodId id) const {
    const Pod* pod = find_pod(id);
    if (pod == nullptr || !pod->present || !pod->ready || pod->draining || pod->backoff_until)
        return std::nullopt;
    if (!pod->reserved_until && !pod->contested) return std::nullopt;
    const Request* oldest = oldest_for(*pod);
    if (oldest == nullptr) return std::nullopt;
    return oldest->arrived;
}

bool Scheduler::grant(PodId id, Instant now) {
    advance(now);
    Pod* pod = find_pod(id);
    if (pod == nullptr || !pod->present || !pod->ready || pod->draining || pod->backoff_until)
        return false;
    const Request* oldest = oldest_for(*pod);
    if (oldest == nullptr) return false;
    Request* younger = passes(*oldest, *pod);
    start(younger != nullptr ? *younger : *find(oldest->id), *pod, true);
    end_reservations();
    return true;
}

void Scheduler::reservation_lost(PodId id, Instant now) {
    advance(now);
    Pod* pod = find_pod(id);
    if (pod == nullptr) return;
    pod->contested = false;
    if (pod->reserved_until) back_off(*pod, false);
}

void Scheduler::reservation_open(PodId id, Instant now) {
    advance(now);
    Pod* pod = find_pod(id);
    if (pod != nullptr && pod->present) pod->contested = true;
}

void Scheduler::reserve(Pod& pod, Duration least) {
    if (!pod.present || pod.backoff_until || pod.reserved_until) return;
    pod.reserved_until = now_ + least;
    actions_.push_back({Action::Kind::reserve, {}, {}, pod.id, {}, {}, {}, false});
}

void Scheduler::reserve_if_contested(Pod& pod) {
    if (pod.contested && free(pod) && oldest_for(pod) != nullptr) reserve(pod, Duration{});
}

void Scheduler::wake_if_waiting(RequestId id) {
    const Request* request = find(id);
    if (request == nullptr || request->running) return;
    const bool slot_free =
        std::any_of(pods_.begin(), pods_.end(), [this](const Pod& pod) { return free(pod); });
    if (!slot_free) actions_.push_back({Action::Kind::wake, {}, {}, {}, {}, {}, {}, false});
}

void Scheduler::expire() {
    const bool is_cold = cold();
    for (std::size_t i = 0; i < requests_.size();) {
        const Request& request = requests_[i];
        const bool over = is_cold ? request.cold >= policy_.cold_start_timeout
                                  : request.queued >= policy_.queue_timeout;
        if (request.running || !over) {
            ++i;
            continue;
        }
        const auto cause = is_cold ? activator::ExpiryCause::cold_start_timeout
                                   : activator::ExpiryCause::queue_timeout;
        actions_.push_back(
            {Action::Kind::expire, cause, request.id, {}, {}, request.cold, request.queued, false});
        requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void Scheduler::end_patience() {
    for (Request& request : requests_) {
        const std::optional<Duration> patience = pin_patience(request);
        if (patience && request.cold + request.queued >= *patience) request.waits_for_pin = false;
    }
}

Pod* Scheduler::pinned(const Request& request) {
    Pod* pod = request.pin ? find_pod(*request.pin) : nullptr;
    return pod != nullptr && pod->present ? pod : nullptr;
}

// Where the request can go now, or null.
Pod* Scheduler::pod_for(const Request& request) {
    Pod* mine = pinned(request);
    if (request.control) {
        if (mine != nullptr && usable_for_controls(*mine)) return mine;
        Pod* best = nullptr;
        const auto load = [](const Pod& pod) {
            return pod.in_flight + pod.controls + (pod.draining ? 1'000'000U : 0U);
        };
        for (Pod& pod : pods_) {
            if (!usable_for_controls(pod)) continue;
            if (best == nullptr || load(pod) < load(*best)) best = &pod;
        }
        return best;
    }
    if (request.waits_for_pin) return free(*mine) ? mine : nullptr;
    if (request.model != 0) return pod_for_model(request);
    Pod* best = nullptr;
    for (Pod& pod : pods_) {
        if (free(pod) && (best == nullptr || pod.in_flight < best->in_flight)) best = &pod;
    }
    return best;
}

void Scheduler::match() {
    for (Request& request : requests_) {
        if (request.running || !request.control) continue;
        if (Pod* pod = pod_for(request)) start(request, *pod);
    }
    // Whoever is passed over comes again in the next round.
    for (bool started = true; started;) {
        started = false;
        for (Request& request : requests_) {
            if (request.running || request.control) continue;
            Pod* pod = pod_for(request);
            if (pod == nullptr) continue;
            Request* younger = passes(request, *pod);
            start(younger != nullptr ? *younger : request, *pod);
            started = true;
            if (younger != nullptr) break;
        }
    }
}

void Scheduler::start(Request& request, Pod& pod, bool granted) {
    request.running = true;
    request.pod = pod.id;
    request.started = now_;
    if (request.model != 0) {
        pod.uses = pod.model == request.model ? pod.uses + 1 : 1;
        pod.model = request.model;
        pod.last_use = now_;
    }
    ++(request.control ? pod.controls : pod.in_flight);
    actions_.push_back(
        {Action::Kind::assign, {}, request.id, pod.id, {}, request.cold, request.queued, granted});
}

// When the request comes to its place: for its pod, or for any?
void Scheduler::choose_line(Request& request) {
    Pod* mine = pinned(request);
    const bool pin_holds = !request.control && mine != nullptr && !mine->draining;
    const std::optional<Duration> patience = pin_patience(request);
    const bool patient = !patience || request.cold + request.queued < *patience;
    request.waits_for_pin = pin_holds && (patient || (free(*mine) && request.model == 0));
}

Refusal Scheduler::arrive(const Arrival& arrival, Instant now) {
    advance(now);
    Request request;
    request.id = arrival.id;
    request.pin = arrival.pinned;
    request.control = arrival.control;
    request.bytes = arrival.bytes;
    request.model = arrival.control ? 0 : arrival.model;
    request.arrived = now;
    models_seen_ = models_seen_ || request.model != 0;
    choose_line(request);
    const bool waits = pod_for(request) == nullptr;
    std::size_t waiting = 0;
    std::size_t bytes = arrival.bytes;
    for (const Request& other : requests_) {
        waiting += other.running ? 0 : 1;
        bytes += other.running ? 0 : other.bytes;
    }
    if (waits && waiting >= policy_.queue_limit) return Refusal::queue_full;
    if (waits && bytes > byte_limit_) return Refusal::bytes_full;
    requests_.push_back(request);
    match();
    wake_if_waiting(arrival.id);
    return Refusal::none;
}

bool Scheduler::abandon(RequestId id, Instant now) {
    const Request* request = find(id);
    const bool waits = request != nullptr && !request->running;
    if (waits) erase(id);
    end_reservations();
    advance(now);
    return waits;
}

void Scheduler::release(Request& request) {
    Pod& pod = *find_pod(request.pod);
    --(request.control ? pod.controls : pod.in_flight);
    request.running = false;
}

void Scheduler::back_off(Pod& pod, bool blocks_controls) {
    if (!pod.present) return;
    pod.reserved_until.reset();
    if (pod.backoff_until) {
        pod.blocks_controls |= blocks_controls;
        return;
    }
    Duration length = policy_.backoff_first;
    for (std::uint32_t i = 0; i < pod.failures && length < policy_.backoff_max; ++i)
        length *= 2;
    pod.backoff_until = now_ + std::min(length, policy_.backoff_max);
    pod.blocks_controls = blocks_controls;
    ++pod.failures;
}

bool Scheduler::finish(RequestId id, Outcome outcome, Instant now) {
    advance(now);
    Request* request = find(id);
    if (request == nullptr || !request->running) return false;
    release(*request);
    Pod& pod = *find_pod(request->pod);
    if (outcome == Outcome::done) {
        pod.failures = 0;
        if (!request->control) {
            const Duration took = now_ - request->started;
            mean_run_ = any_run_ ? mean_run_ + (took - mean_run_) / 16 : took;
            any_run_ = true;
        }
        const bool ends = !request->control || pod.blocks_controls;
        if (pod.backoff_until && ends) pod.backoff_until.reset();
    } else if (outcome != Outcome::refused || request->control) {
        if (outcome != Outcome::refused) pod.model = 0;
        back_off(pod, true);
    } else {
        reserve(pod, policy_.backoff_first);
    }
    if (outcome == Outcome::done || outcome == Outcome::failed) {
        erase(id);
        reserve_if_contested(pod);
    } else {
        choose_line(*request);
        expire();
    }
    match();
    wake_if_waiting(id);
    forget_idle_leavers();
    end_reservations();
    return true;
}

bool Scheduler::requeue(RequestId id, Instant now) {
    advance(now);
    Request* request = find(id);
    if (request == nullptr || !request->running) return false;
    release(*request);
    if (request->pin == request->pod) request->pin.reset();
    find_pod(request->pod)->model = 0;
    back_off(*find_pod(request->pod), true);
    choose_line(*request);
    expire();
    match();
    wake_if_waiting(id);
    forget_idle_leavers();
    end_reservations();
    return true;
}

void Scheduler::add_pod(PodId id, Instant now) {
    advance(now);
    if (Pod* pod = find_pod(id)) {
        pod->present = true;
        pod->draining = false;
        pod->failures = 0;
        pod->model = 0;
        return;
    }
    Pod pod;
    pod.id = id;
    pods_.push_back(pod);
    std::sort(pods_.begin(), pods_.end(), [](const Pod& a, const Pod& b) { return a.id < b.id; });
}

void Scheduler::set_pod_ready(PodId id, bool ready, Instant now) {
    advance(now);
    Pod* pod = find_pod(id);
    if (pod == nullptr || !pod->present) return;
    const bool was_cold = cold();
    pod->ready = ready;
    if (ready) pod->backoff_until.reset();
    if (!ready) pod->model = 0;
    if (cold() != was_cold) expire();
    reserve_if_contested(*pod);
    match();
    end_reservations();
}

void Scheduler::release_waiters(PodId id) {
    for (Request& request : requests_) {
        if (!request.running && request.pin == id) request.waits_for_pin = false;
    }
}

void Scheduler::drain_pod(PodId id, Instant now) {
    advance(now);
    Pod* pod = find_pod(id);
    if (pod == nullptr || !pod->present || pod->draining) return;
    const bool was_cold = cold();
    pod->draining = true;
    if (cold() != was_cold) expire();
    release_waiters(id);
    match();
    end_reservations();
}

void Scheduler::remove_pod(PodId id, Instant now) {
    advance(now);
    Pod* pod = find_pod(id);
    if (pod == nullptr || !pod->present) return;
    const bool was_cold = cold();
    pod->present = false;
    pod->ready = false;
    pod->backoff_until.reset();
    pod->reserved_until.reset();
    pod->contested = false;
    if (cold() != was_cold) expire();
    release_waiters(id);
    match();
    forget_idle_leavers();
    end_reservations();
}

void Scheduler::set_policy(const RevisionPolicy& policy, Instant now) {
    advance(now);
    policy_ = policy;
    for (Pod& pod : pods_)
        reserve_if_contested(pod);
    expire();
    end_patience();
    match();
    end_reservations();
}

std::string Scheduler::fingerprint() const {
    std::string text;
    const auto add = [&text](auto number) { text += std::to_string(number) + ','; };
    for (const Request& request : requests_) {
        add(request.id.value);
        add(request.pin ? request.pin->value : 0);
        add(request.control * 4 + request.running * 2 + request.waits_for_pin);
        add(request.running ? request.pod.value : 0);
        add(request.cold.count());
        add(request.queued.count());
        text += ';';
        if (!models_seen_) continue;
        add(request.model);
        add((now_ - request.arrived).count());
        add((now_ - request.started).count());
    }
    for (const Pod& pod : pods_) {
        add(pod.id.value);
        add(pod.contested);
        add(pod.present * 8 + pod.ready * 4 + pod.draining * 2 + pod.blocks_controls);
        add(pod.backoff_until ? (*pod.backoff_until - now_).count() : -1);
        add(pod.reserved_until ? std::max((*pod.reserved_until - now_).count(), 0L) : -1);
        add(pod.failures);
        if (pod.model != 0) {
            add(pod.model);
            add(pod.uses);
            add((now_ - pod.last_use).count());
        }
        text += ';';
    }
    if (models_seen_) add(any_run_ ? mean_run_.count() : -1);
    return text;
}

}  // namespace reference
