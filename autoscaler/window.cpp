#include "autoscaler/window.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "common/core/check.hpp"

namespace autoscaler {

using common::Duration;
using common::Instant;
using std::chrono::seconds;

namespace {

constexpr Duration bucket_length = seconds(1);

std::int64_t second_of(Instant at) {
    return std::chrono::floor<seconds>(at.time_since_epoch()).count();
}

std::size_t bucket_count(Duration length) {
    CHECK(length > Duration::zero());
    return static_cast<std::size_t>((length + bucket_length - Duration(1)) / bucket_length);
}

// Chosen so that what leaves the window weighs 0.0001 of the newest second; 0.2 is the floor (3.5).
double weight_of_newest(std::size_t buckets) {
    return std::max(1 - std::pow(0.0001, 1 / static_cast<double>(buckets)), 0.2);
}

double rounded_to_6_decimals(double value) {
    return std::round(value * 1e6) / 1e6 + 0.0;  // no -0
}

}  // namespace

Window::Window(Duration length, Aggregation aggregation)
    : length_(length),
      aggregation_(aggregation),
      buckets_(bucket_count(length), 0.0),
      newest_weight_(weight_of_newest(buckets_.size())) {}

std::size_t Window::slot_of(std::int64_t second) const {
    const auto count = static_cast<std::int64_t>(buckets_.size());
    return static_cast<std::size_t>(((second % count) + count) % count);
}

void Window::record(Instant at, double value) {
    const std::int64_t second = second_of(at);
    if (last_ && seconds(*last_ - second) >= length_) return;  // fell out of the window already
    if (!last_ || seconds(second - *last_) >= length_) {
        std::fill(buckets_.begin(), buckets_.end(), 0.0);
        total_ = 0;
        first_ = second;
        last_ = second;
    }
    while (*last_ < second) {
        ++*last_;
        double& dropped = buckets_[slot_of(*last_)];
        total_ -= dropped;
        dropped = 0;
    }
    first_ = first_ ? std::min(*first_, second) : second;
    buckets_[slot_of(second)] += value;
    total_ += value;
}

bool Window::empty(Instant now) const {
    return !last_ || seconds(second_of(now) - *last_) > length_;
}

double Window::average(Instant now) const {
    if (!last_) return 0;
    return aggregation_ == Aggregation::linear ? linear_average(second_of(now))
                                               : weighted_average(second_of(now));
}

double Window::linear_average(std::int64_t now) const {
    const std::int64_t silent = now - *last_;
    if (silent > 0 && seconds(silent) >= length_) return 0;
    const auto count = static_cast<std::int64_t>(buckets_.size());
    const std::int64_t written = first_ ? *last_ - *first_ + 1 : count;
    double sum = total_;
    for (std::int64_t second = *last_ + 1; second <= now; ++second) {
        sum -= buckets_[slot_of(second)];
    }
    const std::int64_t divisor = std::min(written, count - std::max<std::int64_t>(silent, 0));
    return rounded_to_6_decimals(sum / static_cast<double>(divisor));
}

double Window::weighted_average(std::int64_t now) const {
    if (seconds(now - *last_) > length_) return 0;
    const std::int64_t silent = std::max<std::int64_t>(now - *last_, 0);
    const std::int64_t used = static_cast<std::int64_t>(buckets_.size()) - silent;
    double weight = newest_weight_ * std::pow(1 - newest_weight_, static_cast<double>(silent));
    double sum = 0;
    for (std::int64_t age = 0; age < used; ++age) {
        sum += buckets_[slot_of(*last_ - age)] * weight;
        weight *= 1 - newest_weight_;
    }
    return sum;
}

void Window::resize(Duration length, Instant now) {
    if (length == length_) return;
    const bool silent_too_long = empty(now);
    std::vector<double> former(bucket_count(length), 0.0);
    former.swap(buckets_);
    const auto former_count = static_cast<std::int64_t>(former.size());
    length_ = length;
    newest_weight_ = weight_of_newest(buckets_.size());
    total_ = 0;
    if (!last_) return;
    if (silent_too_long) {
        first_.reset();
        return;
    }
    const std::int64_t kept = std::min(former_count, static_cast<std::int64_t>(buckets_.size()));
    for (std::int64_t age = 0; age < kept; ++age) {
        const std::int64_t second = *last_ - age;
        const std::int64_t wrapped = ((second % former_count) + former_count) % former_count;
        const double value = former[static_cast<std::size_t>(wrapped)];
        buckets_[slot_of(second)] = value;
        total_ += value;
    }
    first_ = *last_ - former_count + 1;
}

Duration panic_window(Duration stable, double percentage) {
    const double length = common::to_seconds(stable) * percentage / 100;
    return std::max<Duration>(seconds(std::llround(length)), seconds(1));
}

}  // namespace autoscaler
