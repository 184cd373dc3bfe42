#include "autoscaler/target.hpp"

#include <algorithm>

namespace autoscaler {

Target resolve_target(const TargetInputs& inputs) {
    constexpr double least = 0.01;
    constexpr double rps_fraction = 0.7;  // not configurable by ConfigMap (section 2)
    const bool concurrency = inputs.metric == Metric::concurrency;
    const double limit = inputs.container_concurrency;
    double total = inputs.rps_default;
    if (concurrency) total = limit == 0 ? inputs.concurrency_default : limit;
    if (inputs.target) {
        total = *inputs.target;
        if (concurrency && limit != 0) total = std::min(total, limit);
    }
    double fraction = concurrency ? inputs.concurrency_fraction : rps_fraction;
    if (inputs.target_utilization_percentage) {
        fraction = *inputs.target_utilization_percentage / 100;
    }
    return {std::max(least, total * fraction), total};
}

}  // namespace autoscaler
