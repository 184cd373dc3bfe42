// One scaling decision with everything that it was made from, so that it can be told in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "autoscaler/decider.hpp"
#include "common/core/time.hpp"

namespace autoscaler {

// Pods of one revision that are not on their way out. `starting` exist but take no requests yet.
struct PodCounts {
    std::uint32_t ready = 0;
    std::uint32_t starting = 0;
};

enum class Trigger : std::uint8_t {
    tick,   // every 2 s
    poke,   // the first request of an idle revision
    demand  // a request found no free slot
};

// What settled the number of replicas.
enum class Reason : std::uint8_t {
    average,            // the stable average
    panic,              // the panic average, or the greatest count of the running panic
    early_demand,       // requests that found no free slot, now or during the last stable window
    min_scale,          //
    max_scale,          //
    initial_scale,      // not reached yet
    scale_to_zero_off,  // enable-scale-to-zero is false
    activating,         // idle, but the pods are still coming up
    activation_failed,  // pods did not come up in time and nobody waits
    recently_active,    // idle, but active for less than a stable window
    became_idle,        // idle for a stable window: the grace period begins
    retention,          // scale-to-zero-pod-retention-period
    grace,              // scale-to-zero-grace-period
    to_zero
};

struct Decision {
    common::Instant at{};
    Trigger trigger = Trigger::tick;
    // Inputs.
    Averages averages;  // in the unit of the revision's metric
    common::Duration stable_window{};
    common::Duration panic_window{};
    std::uint32_t concurrency = 0;  // demand only: requests running and waiting
    std::uint32_t waiting = 0;      // demand only
    PodCounts pods;
    // Outcome.
    PodCount desired = 0;   // by the averages and the panic state alone
    PodCount early = 0;     // by early demand alone
    PodCount replicas = 0;  // what should exist now
    PodCount before = 0;    // what should have existed until now
    bool panicking = false;
    Reason reason = Reason::average;

    bool changed() const { return replicas != before; }
};

// One line, for example "5 waiting, 0 ready -> 5 pods (early demand)".
std::string decision_text(const Decision& decision);

// "early demand", "panic", ...
std::string_view reason_text(Reason reason);

}  // namespace autoscaler
