// Where shells get the time and their timers from, so that a test can put a manual clock in their
// place.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "common/core/time.hpp"

namespace common {

// One deadline, one callback. Destroying a timer disarms it.
class Timer {
  public:
    virtual ~Timer() = default;
    // Calls `on_fire` from the event loop once `deadline` has come (at once, but never from inside
    // arm(), if it has passed). Replaces what was armed before. The callback may arm or destroy
    // this timer.
    virtual void arm(Instant deadline, std::function<void()> on_fire) = 0;
    // The callback will not run, even if its time has come already.
    virtual void disarm() = 0;
};

class TimeSource {
  public:
    virtual ~TimeSource() = default;
    virtual Instant now() const = 0;
    virtual WallTime wall_now() const = 0;
    virtual std::unique_ptr<Timer> make_timer() = 0;
    // Timers that are armed.
    virtual std::size_t armed() const = 0;
};

}  // namespace common
