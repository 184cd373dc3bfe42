// A number's integral over time: slots in use become slot-seconds. Exact, at the cost of one
// multiplication for each change.
#pragma once

#include <cstddef>

#include "common/core/time.hpp"

namespace common {

class TimeIntegral {
  public:
    // The number is `value` from `now` on. REQUIRES: `now` never goes backwards.
    void set(std::size_t value, Instant now) {
        sum_ = seconds(now);
        value_ = value;
        since_ = now;
    }
    // Value times seconds, from the first set() until `now`; 0 before it.
    double seconds(Instant now) const {
        if (value_ == 0) return sum_;
        return sum_ + static_cast<double>(value_) * to_seconds(now - since_);
    }
    std::size_t value() const { return value_; }

  private:
    double sum_ = 0;
    std::size_t value_ = 0;
    Instant since_{};
};

}  // namespace common
