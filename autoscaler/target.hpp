// How much load may one pod carry? (contract kpa.md 3.1)
#pragma once

#include <cstdint>
#include <optional>

#include "autoscaler/decider.hpp"

namespace autoscaler {

struct TargetInputs {
    Metric metric = Metric::concurrency;
    std::uint32_t container_concurrency = 0;              // 0 = unlimited
    std::optional<double> target;                         // annotation
    std::optional<double> target_utilization_percentage;  // annotation
    double concurrency_default = 100;                     // config-autoscaler
    double concurrency_fraction = 0.7;                    // config-autoscaler
    double rps_default = 200;                             // config-autoscaler
};

struct Target {
    double target;  // divides the load; at least 0.01
    double total;   // the pod's whole capacity
};

Target resolve_target(const TargetInputs& inputs);

}  // namespace autoscaler
