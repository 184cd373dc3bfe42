// Annotations, cluster config and containerConcurrency of one revision, resolved into the numbers
// that its scaler works with (contract kpa.md sections 2, 3.1, 3.2, 8 and 12).
#pragma once

#include <cstdint>

#include "autoscaler/annotations.hpp"
#include "autoscaler/apply_scale.hpp"
#include "autoscaler/config.hpp"
#include "autoscaler/decider.hpp"
#include "autoscaler/window.hpp"

namespace autoscaler {

struct ScalingPolicy {
    DeciderSpec decider;
    common::Duration panic_window = std::chrono::seconds(6);
    Aggregation aggregation = Aggregation::linear;
    ScaleBounds bounds;
    ScaleToZeroRules to_zero;
    // Concurrent requests that one pod may carry, for early scale-out (revision_scaler.hpp): the
    // target, or with the metric rps the containerConcurrency. 0 = unlimited:
    // early scale-out asks for one pod only.
    double early_target = 0.7;
    // Whether the grace period before zero counts from the moment the revision became inactive, as
    // users expect it to (issue 2). false = from the moment the activator came into the path, which
    // with activator-only reports is always long ago: stock's fast path (section 9 d).
    bool grace_after_inactive = true;
};

// REQUIRES: `scaling` and `config` came without problems.
ScalingPolicy resolve_policy(const RevisionScaling& scaling, const Config& config,
                             std::uint32_t container_concurrency);

}  // namespace autoscaler
