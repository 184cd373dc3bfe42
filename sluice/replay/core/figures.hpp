// What a replay measured.
#pragma once

#include <cstdint>

#include "sluice/replay/core/curve.hpp"
#include "sluice/replay/core/log_histogram.hpp"

namespace sluice::replay {

struct Figures {
    explicit Figures(Instant begin) : curve(begin) {}

    std::uint64_t requests = 0;
    std::uint64_t answered = 0;
    std::uint64_t expired = 0;  // waited or ran for longer than they may: 504
    std::uint64_t refused = 0;  // 503
    std::uint64_t left = 0;     // the client left before its answer

    // Of the answered ones. Wait: until a pod had it. Total: until its answer, loading included.
    LogHistogram wait;
    LogHistogram total;

    std::uint64_t dispatched = 0;
    std::uint64_t model_changes = 0;  // of those: had to load their model
    std::uint64_t affinity_kept = 0;  // of a living session: went to its pod
    std::uint64_t affinity_moved = 0;
    std::uint64_t cold_starts = 0;  // pods that started
    std::uint64_t waited_cold = 0;  // requests that came while no pod was ready

    // GPU seconds.
    double busy = 0;
    double idle = 0;
    double loading = 0;  // pods that started, and models
    double held = 0;     // for clients that had left

    Curve curve;
};

}  // namespace sluice::replay
