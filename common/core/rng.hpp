// Pseudo-random numbers that are the same for the same seed on every machine, for the simulator,
// property tests and jitter. xoshiro256** (Blackman, Vigna), seeded through splitmix64. Not a
// source of randomness (the seed comes from outside) and not for secrets.
//
// fork(stream) gives an independent generator that depends on the seed and the stream number
// alone: drawing more arrivals does not change the faults. Library distributions are not used:
// the standard leaves their results open.
#pragma once

#include <array>
#include <cstdint>

namespace common {

// A bijection of 64-bit words that spreads every input bit over the output (splitmix64's
// finaliser).
constexpr std::uint64_t mix_bits(std::uint64_t word) {
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
    return word ^ (word >> 31);
}

class Rng {
  public:
    explicit Rng(std::uint64_t seed);

    // Independent of how much was drawn from this one.
    Rng fork(std::uint64_t stream) const;

    std::uint64_t next();
    // Uniform in [0, bound), without bias. REQUIRES: bound > 0.
    std::uint64_t below(std::uint64_t bound);
    // Uniform in [0, 1).
    double uniform();
    // True with this probability; never for 0, always for 1.
    bool chance(double probability) { return uniform() < probability; }
    // Mean as given, >= 0.
    double exponential(double mean);
    // Mean 0, standard deviation 1.
    double normal();
    // exp(sigma * normal()) * median.
    double lognormal(double median, double sigma);

  private:
    std::uint64_t seed_;
    std::array<std::uint64_t, 4> state_;
};

}  // namespace common
