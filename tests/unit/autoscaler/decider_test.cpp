// Properties of the decider over random loads. Exact values are in tests/data/kpa-vectors.json.
#include "autoscaler/decider.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include <catch2/catch.hpp>

#include "autoscaler/delay_window.hpp"

using autoscaler::Averages;
using autoscaler::Decider;
using autoscaler::DeciderResult;
using autoscaler::DeciderSpec;
using autoscaler::PodCount;
using common::Instant;
using std::chrono::seconds;

namespace {
Instant at(int second) {
    return Instant(seconds(1'700'000'000 + second));
}
}  // namespace

TEST_CASE("decider: never down in panic, and within the rates otherwise", "[autoscaler]") {
    std::mt19937_64 random(GENERATE(range<unsigned>(1, 11)));
    DeciderSpec spec;
    spec.target = std::uniform_real_distribution(0.3, 5.0)(random);
    spec.max_scale_up_rate = std::uniform_real_distribution(1.1, 20.0)(random);
    spec.max_scale_down_rate = std::uniform_real_distribution(1.1, 4.0)(random);
    Decider decider(spec, 0, at(0));
    PodCount before = 0;
    PodCount ready = 0;
    for (int second = 0; second < 4000; second += 2) {
        const bool panicked = decider.panicking();
        const double load = std::uniform_real_distribution(0.0, 30.0)(random);
        const bool burst = std::uniform_int_distribution(0, 40)(random) == 0;
        const Averages averages{load, burst ? load * 8 : load / 2};
        const DeciderResult result = decider.decide(ready, averages, at(second));
        REQUIRE(result.valid);
        const double counted = std::max(1, ready);
        if (panicked && decider.panicking()) {
            REQUIRE(result.desired >= before);
        }
        if (!decider.panicking()) {
            REQUIRE(result.desired >= std::floor(counted / spec.max_scale_down_rate));
            REQUIRE(result.desired <= std::ceil(counted * spec.max_scale_up_rate));
            REQUIRE(decider.max_panic_pods() == 0);
        } else {
            REQUIRE(result.desired == decider.max_panic_pods());
        }
        before = result.desired;
        ready = std::uniform_int_distribution(0, result.desired)(random);
    }
}

TEST_CASE("decider: slack takes no pod away from a load that is there", "[autoscaler]") {
    DeciderSpec spec;
    spec.target = 1;
    spec.slack = 0.05;
    Decider decider(spec, 0, at(0));
    const auto pods = [&](double average) {
        return decider.decide(1, Averages{average, 0}, at(0)).desired;
    };
    CHECK(pods(0) == 0);
    CHECK(pods(0.001) == 1);
    CHECK(pods(1.04) == 1);
    CHECK(pods(1.06) == 2);
}

TEST_CASE("decider: a decision without data or without a pod count changes nothing",
          "[autoscaler]") {
    Decider decider(DeciderSpec{}, 0, at(0));
    REQUIRE(decider.decide(1, Averages{5, 5}, at(0)).desired == 8);
    CHECK_FALSE(decider.decide(std::nullopt, Averages{}, at(100)).valid);
    CHECK_FALSE(decider.decide(8, std::nullopt, at(100)).valid);
    CHECK(decider.panicking());
    CHECK(decider.max_panic_pods() == 8);
}

TEST_CASE("decider: absurd loads are clamped, not undefined", "[autoscaler]") {
    DeciderSpec spec;
    spec.max_scale_up_rate = 1e300;
    Decider decider(spec, 0, at(0));
    CHECK(decider.decide(1, Averages{1e300, 1e300}, at(0)).desired ==
          std::numeric_limits<PodCount>::max());
    CHECK(autoscaler::pods_for(5, 0) == std::numeric_limits<PodCount>::max());
    CHECK(autoscaler::pods_for(0, 1) == 0);
    CHECK(autoscaler::pods_for(-3, 1) == 0);
}

TEST_CASE("decider: the delay window survives a change of spec", "[autoscaler]") {
    DeciderSpec spec;
    spec.target = spec.total = 1;
    spec.scale_down_delay = seconds(30);
    spec.panic_threshold = 100;
    Decider decider(spec, 0, at(0));
    REQUIRE(decider.decide(1, Averages{4, 4}, at(0)).desired == 4);
    spec.scale_down_delay = seconds(0);
    decider.set_spec(spec);
    CHECK(decider.decide(4, Averages{0, 0}, at(28)).desired == 4);
    CHECK(decider.decide(4, Averages{0, 0}, at(30)).desired == 2);
}

TEST_CASE("decider: what is reported before the first decision", "[autoscaler]") {
    DeciderSpec spec;
    spec.total = 1;
    CHECK(autoscaler::initial_excess_burst_capacity(spec, 3) == -208);
    spec.target_burst_capacity = 0;
    CHECK(autoscaler::initial_excess_burst_capacity(spec, 3) == 0);
    spec.target_burst_capacity = -1;
    CHECK(autoscaler::initial_excess_burst_capacity(spec, 3) == -1);
}

TEST_CASE("delay window: the greatest of the last slots, checked against all of them",
          "[autoscaler]") {
    std::mt19937_64 random(3);
    autoscaler::DelayWindow window(seconds(15));  // 8 slots of 2 s
    std::vector<std::pair<int, PodCount>> all;
    for (int second = 0; second < 600; second += std::uniform_int_distribution(0, 5)(random)) {
        const PodCount desired = std::uniform_int_distribution(0, 50)(random);
        all.emplace_back(second / 2, desired);
        PodCount greatest = 0;
        for (const auto& [slot, value] : all) {
            if (slot > second / 2 - 8) greatest = std::max(greatest, value);
        }
        REQUIRE(window.record(at(second), desired) == greatest);
    }
}
