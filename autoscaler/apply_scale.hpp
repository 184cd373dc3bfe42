// What becomes of a desired count: how many replicas are written, if any, and when to look again?
// (contract kpa.md sections 8 and 9)
//
// A pure function from one snapshot to one decision. Bounds come first (min before max, so max wins
// when initial-scale exceeds it), then the way to zero, which goes through the states of the
// revision: active for a stable window, then inactive for the grace and the retention period.
//
// Not here: the desired count (decider), the revision's state over time (activity).
#pragma once

#include <cstdint>
#include <optional>

#include "autoscaler/decider.hpp"
#include "common/core/time.hpp"

namespace autoscaler {

// Condition Active of the PodAutoscaler: `unknown` is activating.
enum class Active : std::uint8_t { no, yes, unknown };
// Whether requests go around the activator (serve) or through it (proxy).
enum class PathMode : std::uint8_t { serve, proxy };

struct ScaleBounds {
    PodCount min = 0;
    PodCount max = 0;  // 0 = none
    PodCount initial = 1;
};

struct ScaleToZeroRules {
    bool enabled = true;
    common::Duration stable_window = std::chrono::seconds(60);
    common::Duration grace = std::chrono::seconds(30);
    common::Duration retention{};  // of the last pod
    common::Duration progress_deadline = std::chrono::seconds(600);
};

struct ApplyScaleInput {
    PodCount desired = 0;  // -1 = unknown
    PodCount current_replicas = 0;
    ScaleBounds bounds;
    ScaleToZeroRules to_zero;
    bool initial_scale_reached = true;  // condition ScaleTargetInitialized
    bool unreachable = false;
    Active active = Active::yes;
    common::Duration in_state{};  // since the last transition of `active`
    PathMode mode = PathMode::proxy;
    common::Duration proxied_for{};    // how long the activator has been in the path
    bool activator_probe_ok = true;    // what a probe through the public service would say
    double target_burst_capacity = 0;  // -1 = the activator is always in the path
};

// Which bound replaced the desired count.
enum class Bound : std::uint8_t { none, min, initial, max };

// Which rule of section 9 decided about a desired count of 0.
enum class ZeroStep : std::uint8_t {
    none,               // the count was not 0
    disabled,           // enable-scale-to-zero is off: one pod
    activating,         // pods are coming up: left alone
    activation_failed,  // not up within progress deadline + 30 s: zero
    active_too_short,   // active for less than a stable window: one pod
    mark_inactive,      // active long enough: becomes inactive, pods stay for now
    path_unconfirmed,   // the activator does not answer on the public path yet
    wait_retention,
    wait_grace,
    to_zero
};

struct ApplyScaleResult {
    PodCount want = 0;
    std::optional<PodCount> patch;  // replicas to write; unset = no write
    std::optional<common::Duration> recheck_after;
    bool probed_activator = false;  // activator_probe_ok was consulted
    bool start_async_probe = false;
    Bound bound = Bound::none;
    ZeroStep zero = ZeroStep::none;
};

ApplyScaleResult apply_scale(const ApplyScaleInput& input);

}  // namespace autoscaler
