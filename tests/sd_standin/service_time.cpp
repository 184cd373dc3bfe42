// See the header.
#include "tests/sd_standin/service_time.hpp"

#include <algorithm>
#include <cmath>

namespace standin {
namespace {

constexpr std::chrono::milliseconds default_service_time{1000};
constexpr double longest_ns = 30.0 * 86'400e9;  // keeps a wild draw inside the clock's range

}  // namespace

ServiceTime::ServiceTime(const Options& options)
    : sigma_(options.lognormal_sigma), random_(static_cast<std::uint64_t>(options.seed)) {
    if (options.step_ms >= 0) {
        step_ = std::chrono::milliseconds(options.step_ms);
    } else {
        image_ = options.service_ms >= 0 ? std::chrono::milliseconds(options.service_ms)
                                         : default_service_time;
    }
}

std::chrono::nanoseconds ServiceTime::draw(std::int64_t steps) {
    const auto mean = image_ + step_ * steps;
    if (sigma_ == 0) return mean;
    const std::lock_guard guard(mutex_);
    const double factor = std::exp(sigma_ * normal_(random_) - sigma_ * sigma_ / 2);
    const double drawn = std::min(static_cast<double>(mean.count()) * factor, longest_ns);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(drawn));
}

}  // namespace standin
