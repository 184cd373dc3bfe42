// The greatest count that early demand asked for during the last hold time.
//
// A sliding maximum: as much as needed to bridge the time until the averages have caught up with a
// burst (revision_scaler.hpp says why that is one stable window). Kept as a queue of strictly
// falling counts, so its size is bounded by the greatest count.
#pragma once

#include <deque>

#include "autoscaler/decider.hpp"
#include "common/core/time.hpp"

namespace autoscaler {

class DemandHold {
  public:
    void ask(common::Instant now, PodCount count);

    // The greatest count asked for in (now - hold, now]; 0 if none. Forgets older ones for good.
    PodCount greatest(common::Instant now, common::Duration hold);

  private:
    struct Entry {
        common::Instant at;
        PodCount count;
    };
    std::deque<Entry> falling_;
};

}  // namespace autoscaler
