#include "autoscaler/sizing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace autoscaler {

PodCount activator_count(PodCount ready, double total, double target_burst_capacity,
                         double activator_capacity) {
    constexpr double least = 2;
    if (target_burst_capacity == 0) return static_cast<PodCount>(least);
    const double capacity = ready * total + std::max(target_burst_capacity, 0.0);
    const double needed = std::max(least, std::ceil(capacity / activator_capacity));
    constexpr double highest = std::numeric_limits<PodCount>::max();
    return static_cast<PodCount>(std::min(needed, highest));
}

PodCount scrape_sample_size(PodCount population) {
    if (population <= 3) return std::max(population, 0);
    constexpr double x = 1.96 * 1.96 * 100 / 25;  // 15.3664 (3.7)
    const double n = population;
    return static_cast<PodCount>(std::ceil(n * x / (n + x - 1)));
}

PathMode path_mode(PodCount want, PodCount excess_burst_capacity) {
    return want > 0 && excess_burst_capacity >= 0 ? PathMode::serve : PathMode::proxy;
}

}  // namespace autoscaler
