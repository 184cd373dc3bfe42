// How long does an image take?
//
// Constant, or lognormal around the same mean: factor = exp(sigma * N - sigma^2 / 2), whose mean is
// 1 for every sigma. Draws depend on the seed and the order of jobs only. Thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>

#include "tests/sd_standin/options.hpp"

namespace standin {

class ServiceTime {
  public:
    explicit ServiceTime(const Options& options);
    // Time for one image of that many sampling steps.
    std::chrono::nanoseconds draw(std::int64_t steps);

  private:
    std::chrono::nanoseconds image_{};
    std::chrono::nanoseconds step_{};  // counts only when image_ was not given
    double sigma_;
    std::mutex mutex_;
    std::mt19937_64 random_;
    std::normal_distribution<double> normal_;
};

}  // namespace standin
