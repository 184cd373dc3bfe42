// What was the greatest desired count of the last `delay`? (contract kpa.md section 6)
//
// Time is cut into slots of 2 s (floor of the clock); the delay covers ceil(delay / 2 s) slots, the
// current one included. A count stays in force until its slot has left that range. Kept as a queue
// of strictly falling counts, so its size is bounded by the number of slots.
#pragma once

#include <cstdint>
#include <deque>

#include "common/core/time.hpp"

namespace autoscaler {

class DelayWindow {
  public:
    // REQUIRES: delay > 0.
    explicit DelayWindow(common::Duration delay);

    // Records `desired` at `now` and returns the greatest count in force, `desired` included.
    // `now` must not go back to an earlier slot.
    std::int32_t record(common::Instant now, std::int32_t desired);

  private:
    struct Entry {
        std::int64_t slot;
        std::int32_t desired;
    };
    std::int64_t slots_;
    std::deque<Entry> falling_;
};

}  // namespace autoscaler
