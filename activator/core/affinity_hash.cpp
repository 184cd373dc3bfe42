#include "activator/core/affinity_hash.hpp"

#include <cmath>

#include "common/core/check.hpp"
#include "common/core/rng.hpp"

namespace activator {
namespace {

std::uint64_t weight(std::uint64_t key, std::uint64_t name_hash) {
    return common::mix_bits(key ^ common::mix_bits(name_hash));
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a offset basis
    for (const char letter : text) {
        hash ^= static_cast<unsigned char>(letter);
        hash *= 0x100000001b3U;  // FNV prime
    }
    return common::mix_bits(hash);
}

std::optional<std::size_t> rendezvous(std::uint64_t key, std::span<const HashCandidate> candidates,
                                      double bound) {
    CHECK(bound >= 1.0);
    double total = 1;  // the request that is being placed
    for (const HashCandidate& candidate : candidates)
        total += static_cast<double>(candidate.load);
    const double most = std::ceil(bound * total / static_cast<double>(candidates.size()));

    std::optional<std::size_t> best;
    std::uint64_t best_weight = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const HashCandidate& candidate = candidates[i];
        if (static_cast<double>(candidate.load) + 1 > most) continue;
        const std::uint64_t its_weight = weight(key, candidate.name_hash);
        // Equal weights are as good as impossible, but all activators must break them alike.
        const bool wins =
            !best || its_weight > best_weight ||
            (its_weight == best_weight && candidate.name_hash < candidates[*best].name_hash);
        if (!wins) continue;
        best = i;
        best_weight = its_weight;
    }
    return best;
}

}  // namespace activator
