#include "common/core/time_integral.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("time integral: each value counts for as long as it stood", "[common][core]") {
    common::TimeIntegral slots;
    const common::Instant start{1000s};
    CHECK(slots.seconds(start) == 0);
    slots.set(2, start);
    CHECK(slots.seconds(start + 3s) == Approx(6));
    slots.set(5, start + 3s);
    slots.set(5, start + 4s);
    CHECK(slots.value() == 5);
    slots.set(0, start + 5s);
    CHECK(slots.seconds(start + 100s) == Approx(6 + 10));
}
