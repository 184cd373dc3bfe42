// Is the event loop the bottleneck? A timer that measures how late it is: whatever keeps the loop
// busy for long keeps this timer waiting too.
#pragma once

#include <cstddef>
#include <memory>

#include "common/metrics/histogram.hpp"
#include "common/time/time_source.hpp"

namespace common {

class LoopLag {
  public:
    // Looks once each `period`. `time` outlives it.
    LoopLag(TimeSource& time, Duration period);

    void start();
    // No timer is armed afterwards.
    void stop();
    // In seconds.
    const Histogram& seconds() const { return seconds_; }
    // That the loop has to come to: all that are armed.
    std::size_t timers() const { return time_.armed(); }

  private:
    void look();

    TimeSource& time_;
    Duration period_;
    std::unique_ptr<Timer> timer_;
    Instant due_{};
    Histogram seconds_;
};

}  // namespace common
