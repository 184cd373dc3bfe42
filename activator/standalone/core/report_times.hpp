// When activators say what they had to do, and when the leader adds it up.
//
// What is added up has to be of the same time, or a client that goes from one activator to the next
// counts in both. So every activator measures whole seconds of the wall clock, which nodes agree on
// to milliseconds, and the leader reads half a second later, when all have arrived.
#pragma once

#include "common/core/time.hpp"

namespace activator::standalone {

inline constexpr common::Duration report_period = std::chrono::seconds(1);
inline constexpr common::Duration reports_settle = std::chrono::milliseconds(500);

// Until the next moment `after` a full second. A timer that went off a little early does not make
// two reports out of one: the result is between 0.2 and 1.2 s.
inline common::Duration until_report(common::WallTime now, common::Duration after) {
    constexpr common::Duration least = std::chrono::milliseconds(200);
    const common::Duration into = (now.time_since_epoch() - after) % report_period;
    const common::Duration left = report_period - into;
    return left < least ? left + report_period : left;
}

}  // namespace activator::standalone
