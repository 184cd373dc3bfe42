// Counts observations in buckets, as Prometheus's histogram. Plain numbers; exposition.hpp makes
// text of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace common {

class Histogram {
  public:
    // Upper bounds, ascending; an observation equal to a bound is inside it. The span outlives the
    // histogram (a constant array).
    explicit Histogram(std::span<const double> bounds)
        : bounds_(bounds), counts_(bounds.size() + 1) {}

    void observe(double value) {
        const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value);
        ++counts_[static_cast<std::size_t>(bucket - bounds_.begin())];
        ++count_;
        sum_ += value;
    }

    std::span<const double> bounds() const { return bounds_; }
    // One more than there are bounds, not cumulative.
    std::span<const std::uint64_t> counts() const { return counts_; }
    std::uint64_t count() const { return count_; }
    double sum() const { return sum_; }

  private:
    std::span<const double> bounds_;
    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    double sum_ = 0;
};

// The value below which `share` (0 to 1) of the observations are, evenly spread inside a bucket, as
// Prometheus's histogram_quantile; beyond the last bound, that bound. Empty: there are none.
// REQUIRES: one more count than bounds, not cumulative.
inline std::optional<double> quantile(std::span<const double> bounds,
                                      std::span<const std::uint64_t> counts, double share) {
    double all = 0;
    for (const std::uint64_t count : counts)
        all += static_cast<double>(count);
    if (all == 0) return std::nullopt;
    double rank = share * all;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        const auto inside = static_cast<double>(counts[i]);
        if (inside > 0 && rank <= inside) {
            const double low = i == 0 ? 0 : bounds[i - 1];
            return low + (bounds[i] - low) * rank / inside;
        }
        rank -= inside;
    }
    return bounds.back();
}

}  // namespace common
