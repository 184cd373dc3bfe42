#include "autoscaler/delay_window.hpp"

#include <chrono>

#include "common/core/check.hpp"

namespace autoscaler {

namespace {
constexpr std::chrono::seconds slot_length{2};  // section 6: the decider's tick period
}

DelayWindow::DelayWindow(common::Duration delay)
    : slots_((delay + slot_length - common::Duration(1)) / slot_length) {
    CHECK(slots_ > 0);
}

std::int32_t DelayWindow::record(common::Instant now, std::int32_t desired) {
    using Slots = std::chrono::duration<std::int64_t, std::ratio<2>>;
    const std::int64_t slot = std::chrono::floor<Slots>(now.time_since_epoch()).count();
    while (!falling_.empty() && falling_.back().desired <= desired)
        falling_.pop_back();
    falling_.push_back({slot, desired});
    while (falling_.front().slot <= slot - slots_)
        falling_.pop_front();
    return falling_.front().desired;
}

}  // namespace autoscaler
