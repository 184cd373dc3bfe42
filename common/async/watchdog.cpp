#include "common/async/watchdog.hpp"

#include <utility>

namespace common {

Watchdog::Watchdog(TimeSource& time, std::function<void()> on_expired)
    : time_(time), on_expired_(std::move(on_expired)) {}

void Watchdog::set(Instant deadline) {
    deadline_ = deadline;
    expired_ = false;
    // A timer that fires earlier than needed finds out in fire(); one that fires later must be
    // moved.
    if (deadline_ < armed_for_) arm();
}

void Watchdog::arm() {
    if (!timer_) timer_ = time_.make_timer();
    armed_for_ = deadline_;
    timer_->arm(armed_for_, [this] { fire(); });
}

void Watchdog::fire() {
    armed_for_ = Instant::max();
    if (deadline_ == Instant::max()) return;
    if (time_.now() < deadline_) {
        arm();
        return;
    }
    deadline_ = Instant::max();
    expired_ = true;
    on_expired_();
}

}  // namespace common
