// How many slots are the requests of a revision worth, if its owner says how long one may wait
// (`sluice.dev/wait-target`; contract kpa.md 14.15 (b))?
//
// A line of w requests that take s seconds each is worked off by n slots in w * s / n, so
//     slots = max(running, w * s / target * max(1, oldest wait / target)),
//             at least 1, at most running + w
// is enough for the last one of the line to begin within the target. That the oldest has waited
// for longer already shows that s is too small, or that pods are still starting; by so much more
// is asked for. While anybody waits every ready pod is busy, so the running requests keep the pods
// that there are, and with several activators the sum over all of them does: nobody has to know the
// pods or the other lines.
//
// Each request is worth a slot, as without a target, while it is not known how long one takes.
//
// Rejected: counting pods (ready and starting) as the contract does. Each activator would report
// all of them, and the sum would ask for a multiple.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "common/core/time.hpp"

namespace activator::kubernetes {

// How long a request is with a pod, lately: of the last ten or so, whatever their number a second.
class ServiceTime {
  public:
    // So many requests have ended since the start, and so long were they with pods, in seconds.
    // Neither ever falls.
    void note(std::uint64_t ended, double seconds) {
        const std::uint64_t fresh = ended - ended_;
        if (fresh == 0) return;
        const double mean = (seconds - seconds_) / static_cast<double>(fresh);
        const double old_share = std::pow(1 - 1 / memory, static_cast<double>(fresh));
        mean_ = mean_ ? old_share * *mean_ + (1 - old_share) * mean : mean;
        ended_ = ended;
        seconds_ = seconds;
    }
    // In seconds; empty: nothing has ended yet.
    std::optional<double> mean() const { return mean_; }

  private:
    static constexpr double memory = 10;  // requests
    std::uint64_t ended_ = 0;
    double seconds_ = 0;
    std::optional<double> mean_;
};

struct Line {
    double running = 0;
    double waiting = 0;
    common::Duration oldest_waits{};  // for how long already
};

// slots / (running + waiting): in (0, 1]; 1 if there is nothing. REQUIRES: target > 0.
inline double counted_share(const Line& line, std::optional<double> service_time,
                            common::Duration target) {
    const double present = line.running + line.waiting;
    if (!service_time || line.waiting == 0) return 1;
    const double seconds = common::to_seconds(target);
    const double late = std::max(1.0, common::to_seconds(line.oldest_waits) / seconds);
    const double needed = line.waiting * *service_time / seconds * late;
    return std::clamp(std::max(line.running, needed), 1.0, present) / present;
}

}  // namespace activator::kubernetes
