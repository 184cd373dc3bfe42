// Bounds hold for every input, and the steps to zero come in order. Exact values are in
// tests/data/kpa-vectors.json.
#include "autoscaler/apply_scale.hpp"

#include <chrono>
#include <random>

#include <catch2/catch.hpp>

#include "autoscaler/activity.hpp"
#include "autoscaler/sizing.hpp"

using namespace autoscaler;
using common::Instant;
using std::chrono::seconds;

namespace {
Instant at(int second) {
    return Instant(seconds(second));
}
}  // namespace

TEST_CASE("apply scale: what is written lies within the bounds, whatever the input",
          "[autoscaler]") {
    std::mt19937_64 random(11);
    const auto any = [&](int least, int most) {
        return std::uniform_int_distribution(least, most)(random);
    };
    for (int round = 0; round < 20'000; ++round) {
        ApplyScaleInput input;
        input.desired = any(-1, 20);
        input.current_replicas = any(0, 20);
        input.bounds.min = any(0, 4);
        input.bounds.max = any(0, 1) == 0 ? 0 : any(input.bounds.min, 10);
        input.initial_scale_reached = true;
        input.active = static_cast<Active>(any(0, 2));
        input.in_state = seconds(any(0, 700));
        input.proxied_for = seconds(any(0, 100));
        input.activator_probe_ok = any(0, 1) == 0;
        const ApplyScaleResult result = apply_scale(input);
        if (!result.patch) continue;
        REQUIRE(*result.patch != input.current_replicas);
        REQUIRE(*result.patch >= input.bounds.min);
        if (input.bounds.max > 0) REQUIRE(*result.patch <= input.bounds.max);
        if (*result.patch == 0) REQUIRE(input.active != Active::yes);
    }
}

TEST_CASE("apply scale: min may exceed max through the initial scale, and then max wins last",
          "[autoscaler]") {
    ApplyScaleInput input;
    input.bounds = {0, 1, 8};
    input.initial_scale_reached = false;
    input.desired = 3;
    CHECK(apply_scale(input).want == 8);
    CHECK(apply_scale(input).bound == Bound::initial);
    input.desired = 9;
    CHECK(apply_scale(input).want == 1);
    CHECK(apply_scale(input).bound == Bound::max);
}

TEST_CASE("apply scale: activation fails only strictly after deadline and margin", "[autoscaler]") {
    ApplyScaleInput input;
    input.current_replicas = 1;
    input.active = Active::unknown;
    input.in_state = seconds(630);
    CHECK_FALSE(apply_scale(input).patch);
    input.in_state += common::Duration(1);
    CHECK(apply_scale(input).patch == 0);
}

TEST_CASE("activity: a revision becomes active with its threshold of ready pods", "[autoscaler]") {
    const ScaleBounds bounds{0, 0, 2};
    Activity activity(at(0));
    activity.update(-1, 1, bounds, at(2));
    CHECK(activity.active() == Active::unknown);
    CHECK_FALSE(activity.initialized());
    activity.update(2, 2, bounds, at(4));
    CHECK(activity.active() == Active::yes);
    CHECK(activity.since() == at(4));
    CHECK(activity.initialized());
    activity.update(1, 1, bounds, at(6));  // the initial scale counts no more
    CHECK(activity.since() == at(4));
    activity.update(0, 1, bounds, at(70));
    CHECK(activity.active() == Active::no);
    activity.update(-1, 0, bounds, at(72));  // unknown does not revive it
    CHECK(activity.active() == Active::no);
    activity.update(1, 0, bounds, at(80));
    CHECK(activity.active() == Active::unknown);
    CHECK(activity.since() == at(80));
}

TEST_CASE("activity: an initial scale of zero starts inactive", "[autoscaler]") {
    Activity activity(at(0));
    activity.update(-1, 0, ScaleBounds{0, 0, 0}, at(2));
    CHECK(activity.active() == Active::no);
    CHECK(activity.initialized());
}

TEST_CASE("path mode: serve needs wanted pods and spare burst capacity", "[autoscaler]") {
    CHECK(path_mode(1, 0) == PathMode::serve);
    CHECK(path_mode(1, -1) == PathMode::proxy);
    CHECK(path_mode(0, 5) == PathMode::proxy);
    CHECK(path_mode(unknown_count, 5) == PathMode::proxy);
}
