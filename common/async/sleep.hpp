// A coroutine's pause on a TimeSource.
#pragma once

#include "common/async/awaitable.hpp"
#include "common/time/time_source.hpp"

namespace common {

awaitable<void> sleep_for(TimeSource& time, Duration duration);

}  // namespace common
