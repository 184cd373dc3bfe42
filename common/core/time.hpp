// Points in time for pure code. The clock tags have no now(): code that includes only this can
// compare and add instants but cannot read a clock by accident; `now` is always an argument.
// common/time/ has the clocks.
#pragma once

#include <chrono>
#include <cstdint>

namespace common {

struct Monotonic {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<Monotonic>;
    static constexpr bool is_steady = true;
};

// Never goes backwards; its epoch means nothing. For deadlines, waits, windows.
using Instant = Monotonic::time_point;
using Duration = Monotonic::duration;

struct Wall {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<Wall>;
    static constexpr bool is_steady = false;
};

// Nanoseconds since the Unix epoch; may jump. For cookies, logs and stamps that other machines
// read.
using WallTime = Wall::time_point;

// `duration` as a double in seconds, for logs and metrics.
constexpr double to_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

// `seconds` rounded to the nearest nanosecond. REQUIRES: finite, |seconds| < 2^33.
constexpr Duration from_seconds(double seconds) {
    return Duration(static_cast<std::int64_t>(seconds * 1e9 + (seconds < 0 ? -0.5 : 0.5)));
}

}  // namespace common
