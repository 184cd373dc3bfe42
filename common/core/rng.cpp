#include "common/core/rng.hpp"

#include <bit>
#include <cmath>
#include <numbers>

#include "common/core/check.hpp"

namespace common {
namespace {

constexpr std::uint64_t golden_gamma = 0x9e3779b97f4a7c15U;  // splitmix64's step

}  // namespace

Rng::Rng(std::uint64_t seed) : seed_(seed), state_{} {
    for (std::uint64_t& word : state_) {
        seed += golden_gamma;
        word = mix_bits(seed);
    }
}

Rng Rng::fork(std::uint64_t stream) const {
    return Rng(mix_bits(seed_ ^ mix_bits(stream + golden_gamma)));
}

std::uint64_t Rng::next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

std::uint64_t Rng::below(std::uint64_t bound) {
    CHECK(bound > 0);
    // Draws from the incomplete last run of `bound` values are thrown away.
    const std::uint64_t incomplete = (0 - bound) % bound;
    for (;;) {
        const std::uint64_t drawn = next();
        if (drawn >= incomplete) return drawn % bound;
    }
}

double Rng::uniform() {
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double Rng::exponential(double mean) {
    return -mean * std::log1p(-uniform());
}

double Rng::normal() {
    // Box and Muller; the second value is dropped so that a draw always costs two words.
    const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

double Rng::lognormal(double median, double sigma) {
    return median * std::exp(sigma * normal());
}

}  // namespace common
