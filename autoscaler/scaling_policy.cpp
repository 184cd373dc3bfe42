#include "autoscaler/scaling_policy.hpp"

#include "autoscaler/target.hpp"

namespace autoscaler {

namespace {

DeciderSpec resolve_spec(const RevisionScaling& scaling, const Config& config,
                         const Target& target) {
    DeciderSpec spec;
    spec.metric = scaling.metric.value_or(Metric::concurrency);
    spec.target = target.target;
    spec.total = target.total;
    spec.target_burst_capacity =
        scaling.target_burst_capacity.value_or(config.target_burst_capacity);
    spec.panic_threshold =
        scaling.panic_threshold_percentage.value_or(config.panic_threshold_percentage) / 100;
    spec.max_scale_up_rate = config.max_scale_up_rate;
    spec.max_scale_down_rate = config.max_scale_down_rate;
    spec.stable_window = scaling.window.value_or(config.stable_window);
    spec.scale_down_delay = scaling.scale_down_delay.value_or(config.scale_down_delay);
    spec.activation_scale = scaling.activation_scale.value_or(0);
    return spec;
}

}  // namespace

ScalingPolicy resolve_policy(const RevisionScaling& scaling, const Config& config,
                             std::uint32_t container_concurrency) {
    TargetInputs inputs;
    inputs.metric = scaling.metric.value_or(Metric::concurrency);
    inputs.container_concurrency = container_concurrency;
    inputs.target = scaling.target;
    inputs.target_utilization_percentage = scaling.target_utilization_percentage;
    inputs.concurrency_default = config.concurrency_target_default;
    inputs.concurrency_fraction = config.concurrency_target_fraction;
    inputs.rps_default = config.rps_target_default;

    ScalingPolicy policy;
    policy.decider = resolve_spec(scaling, config, resolve_target(inputs));
    policy.panic_window =
        panic_window(policy.decider.stable_window,
                     scaling.panic_window_percentage.value_or(config.panic_window_percentage));
    policy.aggregation = scaling.aggregation.value_or(Aggregation::linear);
    policy.bounds.min = scaling.min_scale.value_or(config.min_scale);
    policy.bounds.max = scaling.max_scale.value_or(config.max_scale);
    policy.bounds.initial = scaling.initial_scale.value_or(config.initial_scale);
    if (policy.bounds.initial == 0 && !config.allow_zero_initial_scale) {
        policy.bounds.initial = config.initial_scale;
    }
    policy.to_zero.enabled = config.enable_scale_to_zero;
    policy.to_zero.stable_window = policy.decider.stable_window;
    policy.to_zero.grace = config.scale_to_zero_grace_period;
    policy.to_zero.retention = scaling.scale_to_zero_pod_retention_period.value_or(
        config.scale_to_zero_pod_retention_period);
    policy.to_zero.progress_deadline = scaling.progress_deadline.value_or(config.progress_deadline);
    policy.early_target = inputs.metric == Metric::concurrency
                              ? policy.decider.target
                              : static_cast<double>(container_concurrency);
    return policy;
}

}  // namespace autoscaler
