// Time, requests and their ends. replay_pods.cpp has the pods and the autoscaler.
#include "sluice/replay/core/replay.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "common/core/check.hpp"
#include "sluice/replay/core/stock_throttler.hpp"

namespace sluice::replay {

using common::to_seconds;

Replay::Replay(const Setup& setup)
    : setup_(setup), figures_(begin), stats_(begin), sessions_(setup.sessions) {
    if (setup_.engine == Engine::ideal) {
        const auto most = static_cast<std::uint32_t>(setup_.scaling.bounds.max);
        const std::uint32_t pods = setup_.fixed_pods.value_or(most);
        ideal_.emplace(pods * setup_.scheduling.concurrency, begin);
        alive_ = pods;
        return;
    }
    if (setup_.engine == Engine::stock) {
        dispatcher_ = std::make_unique<StockThrottler>(setup_.scheduling.concurrency,
                                                       setup_.timeout, setup_.seed);
    } else {
        dispatcher_ = make_scheduler(setup_.scheduling, begin);
    }
    if (setup_.fixed_pods) {
        for (std::uint32_t i = 0; i < *setup_.fixed_pods; ++i)
            start_pod(/*at_once=*/true);
    } else {
        scaler_.emplace(setup_.scaling, begin);
        desired_ = scaler_->replicas();
        next_second_ = begin + autoscaler::RevisionScaler::report_period;
        reconcile();
    }
    carry_out();
}

// --- Time.

void Replay::push(Instant at, Kind kind, std::uint64_t id) {
    events_.push_back({at, kind, events_pushed_++, id});
    std::push_heap(events_.begin(), events_.end(), std::greater<>());
}

Replay::Event Replay::pop() {
    std::pop_heap(events_.begin(), events_.end(), std::greater<>());
    const Event event = events_.back();
    events_.pop_back();
    return event;
}

// An application that works for departed clients may be ever further behind.
void Replay::drop_stale() {
    constexpr std::size_t few = 1000;
    if (events_stale_ < few || events_stale_ < events_.size() / 2) return;
    std::erase_if(events_, [this](const Event& event) {
        return event.kind == Kind::job_ends && !jobs_.contains(RequestId{event.id});
    });
    std::make_heap(events_.begin(), events_.end(), std::greater<>());
    events_stale_ = 0;
}

Instant Replay::next_event() const {
    const Instant event = events_.empty() ? Instant::max() : events_.front().at;
    return std::min({event, dispatcher_->next_deadline(), next_second_});
}

void Replay::advance(Instant until) {
    for (Instant next = next_event(); next <= until; next = next_event())
        step(next);
    now_ = std::max(now_, until);
}

void Replay::step(Instant now) {
    now_ = now;
    while (!events_.empty() && events_.front().at <= now)
        happen(pop());
    dispatcher_->tick(now);
    carry_out();
    if (next_second_ <= now) every_second();
}

void Replay::happen(const Event& event) {
    switch (event.kind) {
        case Kind::job_ends:
            job_ends(RequestId{event.id});
            break;
        case Kind::pod_ready:
            pod_ready(PodId{event.id});
            break;
        case Kind::client_leaves:
            client_leaves(RequestId{event.id}, false);
            break;
        case Kind::run_times_out:
            client_leaves(RequestId{event.id}, true);
            break;
        case Kind::slot_freed:
            leave_running(RequestId{event.id});
            break;
    }
}

void Replay::finish() {
    if (!ideal_) {
        while (!jobs_.empty())
            step(next_event());  // whoever waits has a deadline
        std::vector<PodId> left;
        for (const auto& [id, pod] : pods_)
            left.push_back(id);
        for (const PodId id : left)
            forget_pod(id);
    }
    sum_up();
}

void Replay::sum_up() {
    const double gpus = setup_.gpus_per_pod;
    if (ideal_) {
        existed_ = to_seconds(now_ - begin) * static_cast<double>(alive_);
        const double slots = setup_.scheduling.concurrency;
        occupied_ = slots > 0 ? job_busy_ / slots : job_busy_;
        existed_ = std::max(existed_, occupied_);
    }
    // The applications of one pod at a time: the shares of its jobs in the time that it was in use.
    const double jobs = job_loading_ + job_busy_ + job_held_;
    const double share = jobs > 0 ? occupied_ / jobs : 0;
    figures_.busy = gpus * job_busy_ * share;
    figures_.held = gpus * job_held_ * share;
    figures_.loading = gpus * (starting_ + job_loading_ * share);
    figures_.idle = gpus * std::max(0.0, existed_ - starting_ - occupied_);
    figures_.curve.level(now_, 0, 0);
}

void Replay::note_level() {
    figures_.curve.level(now_, alive_, dispatcher_->load().waiting);
}

// --- Requests.

void Replay::arrive(const TraceRow& row) {
    const auto offset = static_cast<double>(row.arrival.time_since_epoch().count()) / setup_.speed;
    const Instant now = begin + Duration(static_cast<Duration::rep>(offset));
    ++figures_.requests;
    if (ideal_) {
        arrive_ideal(row, now);
        return;
    }
    advance(now);
    Job job;
    job.row = row;
    job.arrived = now_;
    Arrival arrival;
    arrival.id = RequestId{++last_request_};
    arrival.revision = replayed_revision;
    if (setup_.sessions.enabled && row.session != 0) {
        const std::optional<PodId> pod = sessions_.find(row.session, now_);
        if (pod) {
            const auto known = pods_.find(*pod);
            if (known != pods_.end() && !known->second.removed) job.pinned = pod;
            if (!job.pinned) ++figures_.affinity_moved;
        }
    }
    arrival.pinned = job.pinned;
    if (setup_.models_known) arrival.model = row.model;
    if (ready_ == 0) ++figures_.waited_cold;
    jobs_.emplace(arrival.id, job);
    if (row.left) push(now_ + *row.left, Kind::client_leaves, arrival.id.value);
    const Refusal refusal = dispatcher_->arrive(arrival, now_);
    if (refusal != Refusal::none) {
        jobs_.erase(arrival.id);
        ++figures_.refused;
    } else {
        stats_.request_in(now_);
        if (setup_.engine == Engine::stock && scaler_) {
            const Load load = dispatcher_->load();
            if (const auto poked =
                    scaler_->poke(now_, static_cast<double>(load.waiting + load.running), counts()))
                apply(*poked);
        }
    }
    carry_out();
}

void Replay::arrive_ideal(const TraceRow& row, Instant now) {
    const Instant starts = ideal_->start(now, row.run);
    figures_.curve.level(now, alive_, 0);
    figures_.curve.started(now, starts - now);
    figures_.wait.add(starts - now);
    figures_.total.add(starts - now + row.run);
    ++figures_.dispatched;
    ++figures_.answered;
    job_busy_ += to_seconds(row.run);
    now_ = std::max(now_, starts + row.run);
}

void Replay::carry_out() {
    while (!dispatcher_->actions().empty() || wake_) {
        const std::vector<Action> actions(dispatcher_->actions().begin(),
                                          dispatcher_->actions().end());
        dispatcher_->clear_actions();
        for (const Action& action : actions) {
            if (action.kind == Action::Kind::wake) wake_ = true;
            if (action.kind == Action::Kind::assign) start(action.request, action.pod);
            if (action.kind == Action::Kind::expire) expire(action.request);
        }
        if (std::exchange(wake_, false)) on_wake();
    }
    note_level();
}

void Replay::start(RequestId id, PodId pod_id) {
    Job& job = jobs_.at(id);
    Pod& pod = pods_.at(pod_id);
    const Duration wait = now_ - job.arrived;
    figures_.curve.started(now_, wait);
    ++figures_.dispatched;
    if (job.pinned) ++(*job.pinned == pod_id ? figures_.affinity_kept : figures_.affinity_moved);
    if (job.row.model != activator::any_model && job.row.model != pod.model) {
        pod.model = job.row.model;
        job.load = job.row.load.value_or(setup_.model_load);
        ++figures_.model_changes;
    }
    job.running = true;
    job.pod = pod_id;
    job.started = one_at_a_time() ? std::max(now_, pod.app_free_at) : now_;
    job.ends = job.started + job.load + job.row.run;
    if (pod.jobs++ == 0) pod.occupied_since = now_;
    push(job.ends, Kind::job_ends, id.value);
    if (job.departed) {  // stock only: the application works for nobody
        job.departed_at = now_;
        push(now_, Kind::slot_freed, id.value);
        return;
    }
    const Instant limit =
        setup_.engine == Engine::stock ? job.arrived + setup_.timeout : now_ + setup_.timeout;
    if (job.ends > limit) push(limit, Kind::run_times_out, id.value);
}

void Replay::expire(RequestId id) {
    ++figures_.expired;
    jobs_.erase(id);
    stats_.request_out(now_);
}

void Replay::job_ends(RequestId id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) {
        events_stale_ -= events_stale_ > 0 ? 1 : 0;
        return;
    }
    const Job job = found->second;
    if (!job.departed) answered(job);
    release(id, job, now_);
}

// The client has its answer.
void Replay::answered(const Job& job) {
    ++figures_.answered;
    figures_.wait.add(now_ - job.arrived - job.load - job.row.run);
    figures_.total.add(now_ - job.arrived);
    if (!setup_.sessions.enabled || job.row.session == 0) return;
    // session_pod(): its own pod as long as that one stays.
    const auto own = job.pinned ? pods_.find(*job.pinned) : pods_.end();
    const bool stays = own != pods_.end() && !own->second.removed;
    const PodId home = stays ? *job.pinned : job.pod;
    sessions_.answered(job.row.session, home, now_);
    dispatcher_->note_session(home, now_ + setup_.sessions.timeout);
}

// Its slot is free; its pod worked for it until `worked_until`, which may lie ahead.
void Replay::release(RequestId id, const Job& job, Instant worked_until) {
    const double worked = to_seconds(worked_until - job.started);
    const double loading = std::min(worked, to_seconds(job.load));
    const double held =
        job.departed ? std::clamp(to_seconds(worked_until - job.departed_at), 0.0, worked - loading)
                     : 0.0;
    job_loading_ += loading;
    job_held_ += held;
    job_busy_ += worked - loading - held;
    Pod& pod = pods_.at(job.pod);
    if (one_at_a_time()) occupied_ += worked;
    if (--pod.jobs == 0 && !one_at_a_time()) occupied_ += to_seconds(now_ - pod.occupied_since);
    if (worked_until > now_) pod.app_free_at = std::max(pod.app_free_at, worked_until);
    if (pod.removed && pod.jobs == 0) forget_pod(job.pod);
    jobs_.erase(id);
    stats_.request_out(now_);
    dispatcher_->finish(id, now_);
    carry_out();
}

void Replay::client_leaves(RequestId id, bool timed_out) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || found->second.departed) return;
    Job& job = found->second;
    ++(timed_out ? figures_.expired : figures_.left);
    job.departed = true;
    job.departed_at = now_;
    if (job.running) {
        leave_running(id);
        return;
    }
    // Stock keeps its place, and the application will work for nobody.
    if (!dispatcher_->abandon(id, now_)) return;
    jobs_.erase(found);
    stats_.request_out(now_);
    carry_out();
}

void Replay::leave_running(RequestId id) {
    const Departure departure = setup_.engine == Engine::stock ? Departure::free : setup_.departure;
    if (departure == Departure::hold) return;
    const Job ended = jobs_.at(id);
    ++events_stale_;
    release(id, ended, departure == Departure::free ? ended.ends : now_);
    drop_stale();
}

}  // namespace sluice::replay
