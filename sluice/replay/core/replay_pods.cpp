// Pods and the autoscaler, driven as sluice/service_runner.cpp does.
#include <algorithm>
#include <vector>

#include "sluice/replay/core/replay.hpp"

namespace sluice::replay {

using common::to_seconds;

autoscaler::PodCounts Replay::counts() const {
    autoscaler::PodCounts counts;
    counts.ready = ready_;
    counts.starting = static_cast<std::uint32_t>(alive_) - ready_;
    return counts;
}

void Replay::every_second() {
    constexpr auto reports_per_tick =
        autoscaler::RevisionScaler::tick_period / autoscaler::RevisionScaler::report_period;
    next_second_ += autoscaler::RevisionScaler::report_period;
    const common::RequestStats::Report load = stats_.report(now_);
    scaler_->report(now_, {load.average_concurrency, load.requests});
    if (++seconds_ % static_cast<std::uint64_t>(reports_per_tick) == 0)
        apply(scaler_->tick(now_, counts()));
    reconcile();
    carry_out();
}

void Replay::on_wake() {
    if (!scaler_) return;
    const Load load = dispatcher_->load();
    autoscaler::Demand demand;
    demand.waiting = static_cast<std::uint32_t>(load.waiting);
    demand.concurrency = static_cast<std::uint32_t>(load.waiting + load.running);
    scaler_->poke(now_, demand.concurrency, counts());
    apply(scaler_->demand(now_, demand, counts()));
}

void Replay::apply(const autoscaler::Decision& decision) {
    desired_ = decision.replicas;
    reconcile();
}

void Replay::reconcile() {
    if (!scaler_) return;
    const auto wanted = static_cast<std::size_t>(std::max<autoscaler::PodCount>(desired_, 0));
    while (alive_ < wanted)
        start_pod(/*at_once=*/false);
    if (alive_ <= wanted) return;
    std::vector<PodId> gone(alive_ - wanted);
    gone.resize(dispatcher_->victims(now_, gone));
    for (const PodId id : gone)
        remove_pod(id);
}

void Replay::start_pod(bool at_once) {
    const PodId id{++last_pod_};
    Pod& pod = pods_[id];
    pod.since = now_;
    pod.ready_at = at_once ? now_ : now_ + setup_.pod_start;
    ++alive_;
    dispatcher_->add_pod(id, now_);
    if (at_once) {
        pod_ready(id);
        return;
    }
    ++figures_.cold_starts;
    push(pod.ready_at, Kind::pod_ready, id.value);
}

void Replay::pod_ready(PodId id) {
    const auto found = pods_.find(id);
    if (found == pods_.end() || found->second.removed) return;
    found->second.ready = true;
    ++ready_;
    dispatcher_->pod_ready(id, now_);
    carry_out();
}

void Replay::remove_pod(PodId id) {
    Pod& pod = pods_.at(id);
    pod.removed = true;
    --alive_;
    if (pod.ready) --ready_;
    dispatcher_->remove_pod(id, now_);
    if (pod.jobs == 0) forget_pod(id);
}

// Its GPU is free.
void Replay::forget_pod(PodId id) {
    const auto found = pods_.find(id);
    const Pod& pod = found->second;
    const Instant end = std::max(now_, pod.app_free_at);
    existed_ += to_seconds(end - pod.since);
    starting_ += to_seconds(std::min(end, pod.ready_at) - pod.since);
    pods_.erase(found);
}

}  // namespace sluice::replay
