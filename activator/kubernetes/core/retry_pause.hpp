// How long to wait before the next try, after so many failures in a row.
#pragma once

#include <algorithm>
#include <cmath>

#include "common/core/rng.hpp"
#include "common/core/time.hpp"

namespace activator::kubernetes {

struct PauseRule {
    common::Duration first;
    double factor;
    common::Duration longest;
    double jitter;  // up to this share on top
};

// contract activator.md 5.3: 100 ms × 1.3^n plus up to half of it, the longest 11 to 17 s.
inline constexpr PauseRule autoscaler_pauses{std::chrono::milliseconds(100), 1.3,
                                             std::chrono::milliseconds(11'250), 0.5};
// client-go's reflector: 800 ms, doubled, 30 s at most.
inline constexpr PauseRule api_pauses{std::chrono::milliseconds(800), 2, std::chrono::seconds(30),
                                      0.5};

inline common::Duration pause(const PauseRule& rule, unsigned failures, common::Rng& rng) {
    const double grown = common::to_seconds(rule.first) * std::pow(rule.factor, failures);
    const double bounded = std::min(grown, common::to_seconds(rule.longest));
    return common::from_seconds(bounded * (1 + rule.jitter * rng.uniform()));
}

}  // namespace activator::kubernetes
