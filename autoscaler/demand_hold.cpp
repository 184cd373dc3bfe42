#include "autoscaler/demand_hold.hpp"

namespace autoscaler {

void DemandHold::ask(common::Instant now, PodCount count) {
    while (!falling_.empty() && falling_.back().count <= count)
        falling_.pop_back();
    falling_.push_back({now, count});
}

PodCount DemandHold::greatest(common::Instant now, common::Duration hold) {
    while (!falling_.empty() && falling_.front().at + hold <= now)
        falling_.pop_front();
    return falling_.empty() ? 0 : falling_.front().count;
}

}  // namespace autoscaler
