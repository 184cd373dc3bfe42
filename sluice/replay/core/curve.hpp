// How something ran over time, in a bounded number of steps: when the time outgrows them, two
// neighbours become one and each step is twice as long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/core/time.hpp"

namespace sluice::replay {

using common::Duration;
using common::Instant;

struct CurveStep {
    double pod_seconds = 0;
    double waiting_seconds = 0;
    std::uint64_t waiting_most = 0;
    std::uint64_t started = 0;  // requests that got a pod
    double wait_seconds = 0;    // of these, in all
    double wait_longest = 0;
};

class Curve {
  public:
    static constexpr std::size_t steps_max = 1024;

    explicit Curve(Instant begin) : begin_(begin), seen_(begin) {}

    // From `now` on there are so many. `now` does not go backwards.
    void level(Instant now, std::uint64_t pods, std::uint64_t waiting);
    void started(Instant now, Duration wait);

    Duration step() const { return step_; }
    const std::vector<CurveStep>& steps() const { return steps_; }
    // How much of the last step has passed.
    Duration last_step() const;

  private:
    CurveStep& at(Instant when);
    void pass(Instant now);

    Instant begin_;
    Instant seen_;
    Duration step_ = std::chrono::seconds(1);
    std::uint64_t pods_ = 0;
    std::uint64_t waiting_ = 0;
    std::vector<CurveStep> steps_;
};

}  // namespace sluice::replay
