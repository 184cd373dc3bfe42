#include "autoscaler/activity.hpp"

#include <algorithm>

namespace autoscaler {

void Activity::update(PodCount want, PodCount ready, const ScaleBounds& bounds,
                      common::Instant now) {
    const PodCount threshold =
        initialized_ ? std::max(1, bounds.min) : std::max(bounds.min, bounds.initial);
    if (ready >= threshold) initialized_ = true;
    Active next = active_;
    if (want == 0 || threshold == 0) {
        next = Active::no;
    } else if (want > 0 || active_ != Active::no) {
        next = ready < threshold ? Active::unknown : Active::yes;
    }
    if (next == active_) return;
    active_ = next;
    since_ = now;
}

}  // namespace autoscaler
