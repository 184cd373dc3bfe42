#include "autoscaler/revision_scaler.hpp"

#include <algorithm>
#include <cmath>

namespace autoscaler {

using common::Duration;
using common::Instant;

namespace {

constexpr double activator_always_in_path = -1;  // target-burst-capacity

PodCount as_count(std::uint32_t pods) {
    constexpr std::uint32_t most = 0x7fff'ffff;
    return static_cast<PodCount>(std::min(pods, most));
}

ScalingPolicy for_activator_reports(ScalingPolicy policy) {
    policy.decider.target_burst_capacity = activator_always_in_path;
    return policy;
}

Reason reason_of(const ApplyScaleResult& applied, const Decision& decision) {
    switch (applied.zero) {
        case ZeroStep::none:
            break;
        case ZeroStep::disabled:
            return Reason::scale_to_zero_off;
        case ZeroStep::activating:
            return Reason::activating;
        case ZeroStep::activation_failed:
            return Reason::activation_failed;
        case ZeroStep::active_too_short:
            return Reason::recently_active;
        case ZeroStep::mark_inactive:
            return Reason::became_idle;
        case ZeroStep::wait_retention:
            return Reason::retention;
        case ZeroStep::path_unconfirmed:  // never: with -1 the activator is not probed
        case ZeroStep::wait_grace:
            return Reason::grace;
        case ZeroStep::to_zero:
            return Reason::to_zero;
    }
    if (applied.bound == Bound::min) return Reason::min_scale;
    if (applied.bound == Bound::initial) return Reason::initial_scale;
    if (applied.bound == Bound::max) return Reason::max_scale;
    if (decision.early > decision.desired) return Reason::early_demand;
    return decision.panicking ? Reason::panic : Reason::average;
}

}  // namespace

RevisionScaler::RevisionScaler(const ScalingPolicy& policy, Instant created)
    : policy_(for_activator_reports(policy)),
      created_(created),
      history_(policy.decider.stable_window, policy.panic_window, policy.aggregation),
      decider_(policy_.decider, 0, created),
      activity_(created),
      replicas_(std::max(policy.bounds.initial, policy.bounds.min)) {}

void RevisionScaler::adopt(PodCount replicas, Instant now) {
    replicas_ = replicas;
    if (replicas > 0) hold_.ask(now, replicas);
}

void RevisionScaler::set_policy(const ScalingPolicy& policy, Instant now) {
    policy_ = for_activator_reports(policy);
    decider_.set_spec(policy_.decider);
    history_.resize(policy_.decider.stable_window, policy_.panic_window, now);
}

void RevisionScaler::report(Instant now, const LoadReport& report) {
    const bool idle = report.concurrency == 0 && report.requests == 0 && report.present == 0;
    double value = report.concurrency;
    if (policy_.decider.metric == Metric::rps) {
        // The rate over the time that the report covers, however long that was.
        const Duration covered = now - history_.last_report().value_or(created_);
        value = covered > Duration::zero() ? report.requests / common::to_seconds(covered)
                                           : report.requests;
    }
    history_.report(now, value, idle);
}

std::optional<Decision> RevisionScaler::poke(Instant now, double concurrency, PodCounts pods) {
    const double value = policy_.decider.metric == Metric::rps ? 1 : concurrency;
    if (!history_.poke(now, value)) return std::nullopt;
    if (last_desired_ != 0 || concurrency == 0) return std::nullopt;
    return decide(Trigger::poke, now, pods);
}

Decision RevisionScaler::tick(Instant now, PodCounts pods) {
    return decide(Trigger::tick, now, pods);
}

Decision RevisionScaler::begin(Trigger trigger, Instant now, PodCounts pods) const {
    Decision decision;
    decision.at = now;
    decision.trigger = trigger;
    decision.averages = history_.averages(now);
    decision.stable_window = policy_.decider.stable_window;
    decision.panic_window = policy_.panic_window;
    decision.pods = pods;
    decision.before = replicas_;
    return decision;
}

Decision RevisionScaler::decide(Trigger trigger, Instant now, PodCounts pods) {
    Decision decision = begin(trigger, now, pods);
    const DeciderResult result = decider_.decide(as_count(pods.ready), decision.averages, now);
    decision.desired = result.desired;
    last_desired_ = result.desired;
    // A poke comes with the first request of a revision: nothing to take away at that moment.
    settle(decision, trigger == Trigger::tick);
    return decision;
}

PodCount RevisionScaler::early_count(const Demand& demand, PodCounts pods) const {
    if (demand.concurrency == 0) return 0;
    const double ready = std::max(1.0, static_cast<double>(pods.ready));
    const PodCount highest = pods_for(policy_.decider.max_scale_up_rate * ready, 1);
    const PodCount asked =
        policy_.early_target > 0 ? pods_for(demand.concurrency, policy_.early_target) : 1;
    return std::max(std::min(asked, highest), policy_.decider.activation_scale);
}

Decision RevisionScaler::demand(Instant now, const Demand& demand, PodCounts pods) {
    Decision decision = begin(Trigger::demand, now, pods);
    decision.concurrency = demand.concurrency;
    decision.waiting = demand.waiting;
    decision.desired = std::max(last_desired_, 0);
    const PodCount asked = early_count(demand, pods);
    if (asked > 0) hold_.ask(now, asked);
    settle(decision, /*may_lower=*/false);
    return decision;
}

void RevisionScaler::settle(Decision& decision, bool may_lower) {
    const Instant now = decision.at;
    decision.panicking = decider_.panicking();
    decision.early = hold_.greatest(now, policy_.decider.stable_window);

    ApplyScaleInput input;
    input.desired = std::max(decision.desired, decision.early);
    input.current_replicas = replicas_;
    input.bounds = policy_.bounds;
    input.to_zero = policy_.to_zero;
    input.initial_scale_reached = activity_.initialized();
    input.active = activity_.active();
    input.in_state = now - activity_.since();
    input.mode = PathMode::proxy;
    input.proxied_for = now - (policy_.grace_after_inactive ? activity_.since() : created_);
    input.target_burst_capacity = policy_.decider.target_burst_capacity;
    const ApplyScaleResult applied = apply_scale(input);

    if (applied.patch && (may_lower || *applied.patch > replicas_)) replicas_ = *applied.patch;
    decision.replicas = replicas_;
    decision.reason = reason_of(applied, decision);
    activity_.update(applied.want, as_count(decision.pods.ready), policy_.bounds, now);
}

}  // namespace autoscaler
