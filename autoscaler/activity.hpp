// Is the revision active, and since when? (contract kpa.md section 10: conditions Active and
// ScaleTargetInitialized of the PodAutoscaler)
//
// The way to zero (apply_scale) is measured from the last transition of this state.
#pragma once

#include "autoscaler/apply_scale.hpp"
#include "autoscaler/decider.hpp"
#include "common/core/time.hpp"

namespace autoscaler {

class Activity {
  public:
    explicit Activity(common::Instant created) : since_(created) {}

    // After every decision: `want` is what apply_scale said (-1 = unknown).
    void update(PodCount want, PodCount ready, const ScaleBounds& bounds, common::Instant now);

    Active active() const { return active_; }
    common::Instant since() const { return since_; }
    // Whether the initial scale was ever reached.
    bool initialized() const { return initialized_; }

  private:
    Active active_ = Active::unknown;
    common::Instant since_;
    bool initialized_ = false;
};

}  // namespace autoscaler
