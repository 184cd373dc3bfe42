#include "activator/core/affinity_hash.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/core/rng.hpp"

using activator::HashCandidate;
using activator::rendezvous;
using activator::stable_hash;

namespace {

constexpr double unbounded = std::numeric_limits<double>::infinity();

std::vector<HashCandidate> pods(std::size_t count) {
    std::vector<HashCandidate> result;
    for (std::size_t i = 0; i < count; ++i) {
        result.push_back({stable_hash("pod-" + std::to_string(i)), 0});
    }
    return result;
}

std::uint64_t key(int i) {
    return stable_hash("session-" + std::to_string(i));
}

}  // namespace

TEST_CASE("affinity hash: the hash is the documented one", "[activator][core]") {
    // FNV-1a's published values of "" and "a", through splitmix64's finaliser.
    CHECK(stable_hash("") == common::mix_bits(0xcbf29ce484222325U));
    CHECK(stable_hash("a") == common::mix_bits(0xaf63dc4c8601ec8cU));
    CHECK(stable_hash("foobar") == common::mix_bits(0x85944171f73967e8U));
}

TEST_CASE("affinity hash: a key stays on its pod, in whatever order the pods are listed",
          "[activator][core]") {
    std::vector<HashCandidate> list = pods(10);
    std::vector<HashCandidate> reversed(list.rbegin(), list.rend());
    for (int i = 0; i < 1000; ++i) {
        const std::size_t chosen = rendezvous(key(i), list, unbounded).value();
        REQUIRE(rendezvous(key(i), list, 1.25) == chosen);
        REQUIRE(rendezvous(key(i), reversed, unbounded).value() == list.size() - 1 - chosen);
    }
}

TEST_CASE("affinity hash: keys spread evenly", "[activator][core]") {
    const std::vector<HashCandidate> list = pods(10);
    std::vector<int> counts(list.size());
    for (int i = 0; i < 20'000; ++i)
        ++counts[rendezvous(key(i), list, unbounded).value()];
    // Five standard deviations of a binomial(20000, 1/10).
    for (int count : counts)
        CHECK(std::abs(count - 2000) < 213);
}

TEST_CASE("affinity hash: when a pod goes only its own keys move, and back when it returns",
          "[activator][core]") {
    const std::vector<HashCandidate> all = pods(10);
    for (std::size_t gone = 0; gone < all.size(); ++gone) {
        std::vector<HashCandidate> rest = all;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(gone));
        int moved = 0;
        for (int i = 0; i < 2000; ++i) {
            const std::size_t before = rendezvous(key(i), all, unbounded).value();
            const std::size_t after = rendezvous(key(i), rest, unbounded).value();
            if (before == gone) {
                ++moved;
            } else {
                REQUIRE(rest[after].name_hash == all[before].name_hash);
            }
        }
        CHECK(std::abs(moved - 200) < 67);
    }
}

TEST_CASE("affinity hash: no pod is given more than its bounded share", "[activator][core]") {
    std::vector<HashCandidate> list = pods(5);
    std::size_t total = 0;
    common::Rng rng(3);
    for (int i = 0; i < 5000; ++i) {
        // One hot key among cold ones.
        const std::uint64_t chosen_key = rng.chance(0.5) ? key(0) : key(i);
        const std::size_t chosen = rendezvous(chosen_key, list, 1.25).value();
        ++list[chosen].load;
        ++total;
        REQUIRE(static_cast<double>(list[chosen].load) <=
                1.25 * static_cast<double>(total) / 5 + 1);
    }
}

TEST_CASE("affinity hash: an overloaded pod's key goes to its second choice, not to a random one",
          "[activator][core]") {
    std::vector<HashCandidate> list = pods(4);
    const std::size_t first = rendezvous(key(1), list, 1.0).value();
    std::vector<HashCandidate> rest = list;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(first));
    const std::uint64_t second = rest[rendezvous(key(1), rest, unbounded).value()].name_hash;
    list[first].load = 100;
    CHECK(list[rendezvous(key(1), list, 1.25).value()].name_hash == second);
}

TEST_CASE("affinity hash: without pods there is no choice, with one there is one",
          "[activator][core]") {
    CHECK_FALSE(rendezvous(key(1), {}, 1.25));
    std::vector<HashCandidate> one = pods(1);
    one[0].load = 1'000'000;
    CHECK(rendezvous(key(1), one, 1.0) == 0);
}
