#include "sluice/pods/crash_backoff.hpp"

#include <algorithm>

namespace sluice {

common::Duration CrashBackoff::next(common::Duration ran) {
    if (ran >= crash_backoff_reset) delay_ = common::Duration::zero();
    const common::Duration now = delay_;
    delay_ =
        now == common::Duration::zero() ? crash_backoff_base : std::min(now * 2, crash_backoff_max);
    return now;
}

}  // namespace sluice
