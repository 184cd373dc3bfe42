// How long a crashed process waits before it is started again: the kubelet's rule. The first
// restart is immediate; then 10 s, 20 s, 40 s, 80 s, 160 s, and 300 s for ever. A run of 10 minutes
// forgives everything before it. (kubelet: MaxContainerBackOff = 300 s, base 10 s, reset after
// twice the maximum.)
//
// Pure: the caller says how long the process ran.
#pragma once

#include "common/core/time.hpp"

namespace sluice {

constexpr common::Duration crash_backoff_base = std::chrono::seconds(10);
constexpr common::Duration crash_backoff_max = std::chrono::seconds(300);
constexpr common::Duration crash_backoff_reset = std::chrono::minutes(10);

class CrashBackoff {
  public:
    // The wait before the next start of a process that ended after `ran`.
    common::Duration next(common::Duration ran);

  private:
    common::Duration delay_{};
};

}  // namespace sluice
