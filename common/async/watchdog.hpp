// Deadlines for the phases of one connection or request. One timer serves all phases: moving the
// deadline only stores it, and the timer that fires early re-arms itself, so a phase that ends in
// time costs no system call.
#pragma once

#include <functional>
#include <memory>

#include "common/time/time_source.hpp"

namespace common {

class Watchdog {
  public:
    // `on_expired` runs from the event loop when the deadline passes; it typically cancels a
    // stream. Both must outlive the watchdog.
    Watchdog(TimeSource& time, std::function<void()> on_expired);
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    // Sets the deadline, and forgets that an earlier one had passed.
    void set(Instant deadline);
    void clear() { set(Instant::max()); }
    // The deadline passed and on_expired ran since the last set().
    bool expired() const { return expired_; }

  private:
    void arm();
    void fire();

    TimeSource& time_;
    std::function<void()> on_expired_;
    std::unique_ptr<Timer> timer_;
    Instant deadline_ = Instant::max();
    Instant armed_for_ = Instant::max();
    bool expired_ = false;
};

}  // namespace common
