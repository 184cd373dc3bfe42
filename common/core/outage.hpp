// When a failure that goes on is told: once when it begins, again after a while, and once when it
// is over.
#pragma once

#include <chrono>
#include <utility>

#include "common/core/time.hpp"

namespace common {

class Outage {
  public:
    // It failed. True: tell it.
    bool failed(Instant now) {
        const bool told = std::exchange(lasts_, true) && now - told_at_ < told_again;
        if (!told) told_at_ = now;
        return !told;
    }
    // It went well. True: tell that it is over.
    bool ended() { return std::exchange(lasts_, false); }

  private:
    static constexpr Duration told_again = std::chrono::minutes(10);

    Instant told_at_{};
    bool lasts_ = false;
};

}  // namespace common
