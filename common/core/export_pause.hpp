// How long an exporter leaves a collector alone that failed. OTLP asks for an exponential back-off
// with jitter and leaves the numbers open.
#pragma once

#include <algorithm>
#include <optional>

#include "common/core/rng.hpp"
#include "common/core/time.hpp"

namespace common {

struct ExportPauses {
    Duration first = std::chrono::seconds(1);
    Duration longest = std::chrono::seconds(60);
};

// `failures` before this one, in a row. `after`: what the collector asked for.
inline Duration export_pause(const ExportPauses& pauses, unsigned failures,
                             std::optional<Duration> after, Rng& rng) {
    Duration pause = pauses.first;
    for (unsigned i = 0; i < failures && pause < pauses.longest; ++i)
        pause *= 2;
    // From half of it to all: many programs that lost one collector do not come back as one.
    pause = std::min(pause, pauses.longest);
    pause -= from_seconds(rng.uniform() * to_seconds(pause) / 2);
    return after ? std::clamp(*after, pause, pauses.longest) : pause;
}

}  // namespace common
