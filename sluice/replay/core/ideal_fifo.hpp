// The line to compare with: one queue in order of arrival before `servers` of which each takes one
// request at a time, is always ready and loads nothing (Lindley's recursion for several servers).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "common/core/time.hpp"

namespace sluice::replay {

class IdealFifo {
  public:
    // `servers` 0: there is always one more.
    IdealFifo(std::uint32_t servers, common::Instant begin) : unlimited_(servers == 0) {
        for (std::uint32_t i = 0; i < servers; ++i)
            free_at_.push(begin);
    }

    // When a request that arrives now starts. Arrivals come in order.
    common::Instant start(common::Instant arrival, common::Duration run) {
        if (unlimited_) return arrival;
        const common::Instant begins = std::max(arrival, free_at_.top());
        free_at_.pop();
        free_at_.push(begins + run);
        return begins;
    }

  private:
    bool unlimited_;
    std::priority_queue<common::Instant, std::vector<common::Instant>, std::greater<>> free_at_;
};

}  // namespace sluice::replay
