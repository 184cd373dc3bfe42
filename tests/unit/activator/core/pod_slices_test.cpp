// Slices of all activators together cover all pods, and fairly. Exact values are in
// tests/data/kpa-vectors.json.
#include "activator/core/pod_slices.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using activator::ActivatorPlace;
using activator::assign_slice;
using activator::slice_capacity;

TEST_CASE("pod slices: with enough pods every pod belongs to exactly one activator",
          "[activator][core]") {
    for (std::size_t activators = 2; activators <= 9; ++activators) {
        for (std::size_t pods = activators; pods <= 40; ++pods) {
            std::vector<int> owners(pods, 0);
            std::size_t least = pods;
            std::size_t most = 0;
            for (std::size_t index = 0; index < activators; ++index) {
                const auto slice = assign_slice(pods, {activators, index}, 1);
                REQUIRE(std::is_sorted(slice.begin(), slice.end()));
                for (const std::size_t pod : slice)
                    ++owners.at(pod);
                least = std::min(least, slice.size());
                most = std::max(most, slice.size());
            }
            INFO(pods << " pods, " << activators << " activators");
            REQUIRE(std::count(owners.begin(), owners.end(), 1) == static_cast<long>(pods));
            REQUIRE(most - least <= 1);
        }
    }
}

TEST_CASE("pod slices: with fewer pods than activators each has one, and none is left out",
          "[activator][core]") {
    for (std::size_t activators = 3; activators <= 9; ++activators) {
        for (std::size_t pods = 2; pods < activators; ++pods) {
            std::vector<int> owners(pods, 0);
            for (std::size_t index = 0; index < activators; ++index) {
                const auto slice = assign_slice(pods, {activators, index}, 1);
                REQUIRE(slice.size() == 1);
                ++owners.at(slice[0]);
            }
            REQUIRE(*std::min_element(owners.begin(), owners.end()) >= 1);
        }
    }
}

TEST_CASE("pod slices: without a place, without a limit or alone an activator uses all pods",
          "[activator][core]") {
    const std::vector<std::size_t> all{0, 1, 2, 3, 4};
    CHECK(assign_slice(5, {3, std::nullopt}, 1) == all);
    CHECK(assign_slice(5, {3, 1}, 0) == all);
    CHECK(assign_slice(5, {1, 0}, 1) == all);
    CHECK(assign_slice(5, {3, 7}, 1) == all);  // a stale view of the peers
    CHECK(assign_slice(0, {3, 1}, 1).empty());
}

TEST_CASE("pod slices: capacity is slots, clamped", "[activator][core]") {
    CHECK(slice_capacity(3, 42) == 126);
    CHECK(slice_capacity(0, 42) == 0);
    CHECK(slice_capacity(0, 0) == 0);
    CHECK(slice_capacity(1, 0) == 0x7fff'ffff);
    CHECK(slice_capacity(3, 0xffff'ffff) == 0x7fff'ffff);
}
