// A made-up trace for trying things out and for tests: requests of 500 sessions for 20 models, of
// which few are popular (Zipf); a session stays with its model nine times of ten; 2 requests a
// second on average in exponential gaps; runs are lognormal, 3 s at the median.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/core/rng.hpp"
#include "sluice/replay/core/trace_row.hpp"

namespace sluice::replay {

class GeneratedTrace {
  public:
    explicit GeneratedTrace(std::uint64_t seed);

    // The next request.
    TraceRow next();

  private:
    static constexpr std::size_t models = 20;
    static constexpr std::size_t sessions = 500;

    activator::ModelKey some_model();

    common::Rng random_;
    double seconds_ = 0;
    std::array<double, models> up_to_{};          // shares of the models, summed up
    std::vector<activator::ModelKey> favourite_;  // of each session
};

}  // namespace sluice::replay
