#include "sluice/replay/core/curve.hpp"

#include <algorithm>

namespace sluice::replay {
namespace {

CurveStep together(const CurveStep& a, const CurveStep& b) {
    CurveStep sum;
    sum.pod_seconds = a.pod_seconds + b.pod_seconds;
    sum.waiting_seconds = a.waiting_seconds + b.waiting_seconds;
    sum.waiting_most = std::max(a.waiting_most, b.waiting_most);
    sum.started = a.started + b.started;
    sum.wait_seconds = a.wait_seconds + b.wait_seconds;
    sum.wait_longest = std::max(a.wait_longest, b.wait_longest);
    return sum;
}

}  // namespace

CurveStep& Curve::at(Instant when) {
    while ((when - begin_) / step_ >= static_cast<Duration::rep>(steps_max)) {
        step_ *= 2;
        const std::size_t half = (steps_.size() + 1) / 2;
        for (std::size_t i = 0; i < half; ++i) {
            const CurveStep none;
            const CurveStep& second = 2 * i + 1 < steps_.size() ? steps_[2 * i + 1] : none;
            steps_[i] = together(steps_[2 * i], second);
        }
        steps_.resize(half);
    }
    const auto index = static_cast<std::size_t>((when - begin_) / step_);
    if (steps_.size() <= index) steps_.resize(index + 1);
    return steps_[index];
}

void Curve::pass(Instant now) {
    at(now);  // the last doubling comes before anything is added
    while (seen_ < now) {
        CurveStep& step = at(seen_);
        const Instant end = begin_ + ((seen_ - begin_) / step_ + 1) * step_;
        const Instant until = std::min(now, end);
        const double passed = common::to_seconds(until - seen_);
        step.pod_seconds += passed * static_cast<double>(pods_);
        step.waiting_seconds += passed * static_cast<double>(waiting_);
        step.waiting_most = std::max(step.waiting_most, waiting_);
        seen_ = until;
    }
}

void Curve::level(Instant now, std::uint64_t pods, std::uint64_t waiting) {
    if (pods == pods_ && waiting == waiting_) return;
    pass(now);
    pods_ = pods;
    waiting_ = waiting;
    CurveStep& step = at(now);
    step.waiting_most = std::max(step.waiting_most, waiting);
}

void Curve::started(Instant now, Duration wait) {
    CurveStep& step = at(now);
    const double seconds = common::to_seconds(wait);
    ++step.started;
    step.wait_seconds += seconds;
    step.wait_longest = std::max(step.wait_longest, seconds);
}

Duration Curve::last_step() const {
    const Duration passed = (seen_ - begin_) % step_;
    return passed == Duration::zero() ? step_ : passed;
}

}  // namespace sluice::replay
