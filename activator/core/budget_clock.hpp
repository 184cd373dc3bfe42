// How long has a revision been without a ready pod, and how long with one?
//
// Two stop watches of which exactly one runs: `cold` while no pod of the revision can take
// requests, `queued` otherwise. A waiter notes both readings when it starts to wait; what it used
// of each budget is the difference to the present readings. So a change between the two states
// costs one switch, not a visit to every waiter, and time in one never counts against the other.
#pragma once

#include "common/core/time.hpp"

namespace activator {

using common::Duration;
using common::Instant;

class BudgetClock {
  public:
    explicit BudgetClock(Instant now) : since_(now) {}

    bool cold_runs() const { return cold_runs_; }
    void run_cold(bool cold, Instant now) {
        cold_ = cold_reading(now);
        queued_ = queued_reading(now);
        since_ = now;
        cold_runs_ = cold;
    }

    Duration cold_reading(Instant now) const { return cold_runs_ ? cold_ + (now - since_) : cold_; }
    Duration queued_reading(Instant now) const {
        return cold_runs_ ? queued_ : queued_ + (now - since_);
    }

    // When the running watch will have advanced by `budget` since it read `mark`; Instant::max()
    // if that is out of range.
    Instant running_reaches(Duration mark, Duration budget) const {
        return later(since_ + (mark - (cold_runs_ ? cold_ : queued_)), budget);
    }
    // As above, for the sum of both watches.
    Instant both_reach(Duration mark, Duration budget) const {
        return later(since_ + (mark - (cold_ + queued_)), budget);
    }

    // `start` + `wait`, or Instant::max() where that overflows. REQUIRES: wait >= 0.
    static Instant later(Instant start, Duration wait) {
        const bool fits = start <= Instant{} || wait < Instant::max() - start;
        return fits ? start + wait : Instant::max();
    }

  private:
    Instant since_;
    Duration cold_{};
    Duration queued_{};
    bool cold_runs_ = true;
};

}  // namespace activator
