// The small numbers around a revision: how many activators stand before it, how many pods are
// scraped, and whether requests go through the activator at all. (contract kpa.md 3.7 and 7)
#pragma once

#include <cstdint>

#include "autoscaler/apply_scale.hpp"
#include "autoscaler/decider.hpp"

namespace autoscaler {

// Activators that a revision with `ready` pods of capacity `total` needs; at least 2.
// REQUIRES: activator_capacity >= 1.
PodCount activator_count(PodCount ready, double total, double target_burst_capacity,
                         double activator_capacity);

// Pods to read so that their mean stands for `population` of them at 95 % confidence.
PodCount scrape_sample_size(PodCount population);

// Serve only while pods are wanted and there is burst capacity to spare.
PathMode path_mode(PodCount want, PodCount excess_burst_capacity);

}  // namespace autoscaler
