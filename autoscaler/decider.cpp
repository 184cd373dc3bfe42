#include "autoscaler/decider.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace autoscaler {

using common::Instant;

namespace {

PodCount clamped(double value) {
    constexpr double lowest = std::numeric_limits<PodCount>::min();
    constexpr double highest = std::numeric_limits<PodCount>::max();
    if (std::isnan(value)) return 0;
    return static_cast<PodCount>(std::min(std::max(value, lowest), highest));
}

// A load that is there at all wants a pod, however small.
double pods_asked(double average, const DeciderSpec& spec) {
    const double pods = std::ceil((average - spec.slack) / spec.target);
    return average > 0 && spec.slack > 0 ? std::max(pods, 1.0) : pods;
}

PodCount excess_burst_capacity(const DeciderSpec& spec, PodCount ready, double panic_average) {
    if (spec.target_burst_capacity == 0) return 0;
    if (spec.target_burst_capacity < 0) return -1;
    const double capacity = ready * spec.total;
    return clamped(std::floor(capacity - spec.target_burst_capacity - panic_average));
}

}  // namespace

Decider::Decider(const DeciderSpec& spec, PodCount ready_at_creation, Instant created)
    : spec_(spec), max_panic_pods_(ready_at_creation) {
    if (ready_at_creation > 1) panicking_since_ = created;
    if (spec.reachable && spec.scale_down_delay > common::Duration::zero()) {
        delay_.emplace(spec.scale_down_delay);
    }
}

void Decider::advance_panic(bool over, Instant now) {
    if (over) {
        panicking_since_ = now;
    } else if (panicking_since_ && *panicking_since_ + spec_.stable_window < now) {
        panicking_since_.reset();
        max_panic_pods_ = 0;
    }
}

DeciderResult Decider::decide(std::optional<PodCount> ready, std::optional<Averages> averages,
                              Instant now) {
    if (!ready || !averages) return {};
    const double counted = std::max(1.0, static_cast<double>(*ready));
    const double highest = std::ceil(spec_.max_scale_up_rate * counted);
    const double lowest = spec_.reachable ? std::floor(counted / spec_.max_scale_down_rate) : 0;
    const double asked_stable = pods_asked(averages->stable, spec_);
    const double asked_panic = pods_asked(averages->panic, spec_);

    const auto limited = [&](double asked) {
        const PodCount pods = clamped(std::min(std::max(asked, lowest), highest));
        const bool activating = spec_.activation_scale > 1 && asked > 0;
        return activating ? std::max(pods, spec_.activation_scale) : pods;
    };
    advance_panic(asked_panic / counted >= spec_.panic_threshold, now);

    PodCount desired = limited(asked_stable);
    if (panicking()) {
        max_panic_pods_ = std::max({max_panic_pods_, desired, limited(asked_panic)});
        desired = max_panic_pods_;
    }
    if (spec_.reachable && delay_) desired = delay_->record(now, desired);
    return {true, desired, excess_burst_capacity(spec_, *ready, averages->panic)};
}

PodCount initial_excess_burst_capacity(const DeciderSpec& spec, PodCount initial_scale) {
    if (spec.target_burst_capacity == 0) return 0;
    if (spec.target_burst_capacity < 0) return -1;
    return clamped(std::trunc(initial_scale * spec.total - spec.target_burst_capacity));
}

PodCount pods_for(double load, double target) {
    return std::max<PodCount>(0, clamped(std::ceil(load / target)));
}

}  // namespace autoscaler
