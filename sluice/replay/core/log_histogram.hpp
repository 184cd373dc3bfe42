// Quantiles of any number of durations in 60 KB: counts in buckets that are exact below 256 µs and
// 1/128 of an octave wide above, so that a quantile is at most 0.4 % off. Mean and greatest value
// are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/core/time.hpp"

namespace sluice::replay {

using common::Duration;
using common::Instant;

class LogHistogram {
  public:
    LogHistogram();

    // Negative values count as 0.
    void add(Duration value);

    std::uint64_t count() const { return count_; }
    // In seconds; 0 if nothing was added.
    double mean() const;
    double max() const;
    // The smallest value that at least `share` (0 to 1) of all do not exceed, in seconds.
    double quantile(double share) const;

  private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    double sum_ = 0;
    Duration max_{};
};

}  // namespace sluice::replay
