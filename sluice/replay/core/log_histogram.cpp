#include "sluice/replay/core/log_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::replay {
namespace {

constexpr int exact_bits = 8;
constexpr std::uint64_t exact = std::uint64_t{1} << exact_bits;
constexpr std::uint64_t half = exact / 2;
constexpr std::size_t buckets = exact + (64 - exact_bits) * half;

std::size_t bucket_of(std::uint64_t micros) {
    if (micros < exact) return micros;
    const auto octave = static_cast<std::uint64_t>(std::bit_width(micros) - exact_bits);
    return exact + (octave - 1) * half + ((micros >> octave) - half);
}

// The middle of a bucket, in seconds.
double middle_of(std::size_t bucket) {
    if (bucket < exact) return static_cast<double>(bucket) * 1e-6;
    const std::uint64_t octave = (bucket - exact) / half + 1;
    const std::uint64_t low = ((bucket - exact) % half + half) << octave;
    const std::uint64_t width = std::uint64_t{1} << octave;
    return (static_cast<double>(low) + static_cast<double>(width) / 2) * 1e-6;
}

}  // namespace

LogHistogram::LogHistogram() : counts_(buckets) {}

void LogHistogram::add(Duration value) {
    value = std::max(value, Duration::zero());
    const auto micros = std::chrono::round<std::chrono::microseconds>(value).count();
    ++counts_[bucket_of(static_cast<std::uint64_t>(micros))];
    ++count_;
    sum_ += common::to_seconds(value);
    max_ = std::max(max_, value);
}

double LogHistogram::mean() const {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

double LogHistogram::max() const {
    return common::to_seconds(max_);
}

double LogHistogram::quantile(double share) const {
    if (count_ == 0) return 0;
    const double wanted = std::ceil(share * static_cast<double>(count_));
    const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (seen >= rank) return std::min(middle_of(i), max());
    }
    return max();
}

}  // namespace sluice::replay
