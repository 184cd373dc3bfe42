#include "common/time/loop_lag.hpp"

namespace common {
namespace {

constexpr double lag_seconds[] = {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5};

}  // namespace

LoopLag::LoopLag(TimeSource& time, Duration period)
    : time_(time), period_(period), timer_(time.make_timer()), seconds_(lag_seconds) {}

void LoopLag::start() {
    due_ = time_.now() + period_;
    timer_->arm(due_, [this] { look(); });
}

void LoopLag::stop() {
    timer_->disarm();
}

void LoopLag::look() {
    seconds_.observe(to_seconds(time_.now() - due_));
    start();
}

}  // namespace common
