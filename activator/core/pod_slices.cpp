#include "activator/core/pod_slices.hpp"

#include <algorithm>
#include <numeric>

namespace activator {

namespace {

std::vector<std::size_t> sequence(std::size_t first, std::size_t count) {
    std::vector<std::size_t> positions(count);
    std::iota(positions.begin(), positions.end(), first);
    return positions;
}

}  // namespace

std::vector<std::size_t> assign_slice(std::size_t pods, const ActivatorPlace& place,
                                      std::uint32_t container_concurrency) {
    // An index beyond the list is a stale view of the peers: as good as none.
    const bool placed = place.index && *place.index < place.activators;
    if (container_concurrency == 0 || !placed || pods <= 1 || place.activators == 1) {
        return sequence(0, pods);
    }
    const std::size_t index = *place.index;
    if (pods < place.activators) return {index % pods};
    const std::size_t share = pods / place.activators;
    const std::size_t left_over = pods % place.activators;
    std::vector<std::size_t> slice = sequence(index * share, share);
    if (index < left_over) slice.push_back(pods - left_over + index);
    return slice;
}

std::uint32_t slice_capacity(std::size_t assigned, std::uint32_t container_concurrency) {
    constexpr std::uint64_t unlimited = 0x7fff'ffff;
    if (assigned == 0) return 0;
    if (container_concurrency == 0) return static_cast<std::uint32_t>(unlimited);
    if (assigned > unlimited) return static_cast<std::uint32_t>(unlimited);
    const std::uint64_t slots = std::uint64_t{assigned} * container_concurrency;
    return static_cast<std::uint32_t>(std::min(slots, unlimited));
}

}  // namespace activator
