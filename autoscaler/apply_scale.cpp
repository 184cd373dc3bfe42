#include "autoscaler/apply_scale.hpp"

#include <algorithm>
#include <chrono>

namespace autoscaler {

using common::Duration;
using std::chrono::seconds;

namespace {

constexpr Duration activation_margin = seconds(30);  // section 9, beyond the progress deadline
constexpr Duration proxy_recheck = seconds(3);       // section 9, nothing else would wake us

struct Step {
    PodCount want;
    bool apply;
    ZeroStep zero;
    std::optional<Duration> recheck_after{};
};

Step while_activating(const ApplyScaleInput& input) {
    const Duration timeout = input.to_zero.progress_deadline + activation_margin;
    if (input.in_state > timeout) return {0, true, ZeroStep::activation_failed};
    return {unknown_count, false, ZeroStep::activating, timeout};
}

Step while_active(const ApplyScaleInput& input) {
    const Duration rest = input.to_zero.stable_window - input.in_state;
    if (rest > Duration::zero()) return {1, true, ZeroStep::active_too_short, rest};
    Step step{0, false, ZeroStep::mark_inactive};
    if (input.mode == PathMode::proxy) step.recheck_after = proxy_recheck;
    return step;
}

Step while_inactive(const ApplyScaleInput& input) {
    const Duration retention = input.unreachable ? Duration::zero() : input.to_zero.retention;
    if (input.in_state >= std::max(input.to_zero.grace, retention)) {
        return {0, true, ZeroStep::to_zero};
    }
    if (input.in_state < retention) {
        return {0, false, ZeroStep::wait_retention, retention - input.in_state};
    }
    const Duration rest = input.to_zero.grace - input.proxied_for;
    if (rest > Duration::zero()) return {0, false, ZeroStep::wait_grace, rest};
    return {0, true, ZeroStep::to_zero};
}

// Section 9. Notes in `result` whether the path was probed.
Step towards_zero(const ApplyScaleInput& input, ApplyScaleResult& result) {
    if (!input.to_zero.enabled) return {1, true, ZeroStep::disabled};
    if (input.active == Active::unknown) return while_activating(input);
    if (input.active == Active::yes) return while_active(input);
    result.probed_activator = input.target_burst_capacity != -1;
    if (result.probed_activator && !input.activator_probe_ok) {
        result.start_async_probe = true;
        return {0, false, ZeroStep::path_unconfirmed};
    }
    return while_inactive(input);
}

// Section 8.2 and 8.3.
PodCount bounded(const ApplyScaleInput& input, Bound& bound) {
    PodCount lowest = input.unreachable ? 0 : input.bounds.min;
    Bound lower = Bound::min;
    if (!input.unreachable && !input.initial_scale_reached && input.bounds.initial > 1 &&
        input.bounds.initial > lowest) {
        lowest = input.bounds.initial;
        lower = Bound::initial;
    }
    if (input.desired < lowest) {
        bound = lower;
        return lowest;
    }
    if (input.bounds.max != 0 && input.desired > input.bounds.max) {
        bound = Bound::max;
        return input.bounds.max;
    }
    return input.desired;
}

}  // namespace

ApplyScaleResult apply_scale(const ApplyScaleInput& input) {
    ApplyScaleResult result;
    if (input.desired < 0 && input.active != Active::unknown) {
        result.want = input.desired;
        return result;
    }
    result.want = bounded(input, result.bound);
    bool apply = true;
    if (result.want == 0) {
        const Step step = towards_zero(input, result);
        result.want = step.want;
        result.zero = step.zero;
        result.recheck_after = step.recheck_after;
        apply = step.apply;
    }
    if (apply && result.want != input.current_replicas) result.patch = result.want;
    return result;
}

}  // namespace autoscaler
