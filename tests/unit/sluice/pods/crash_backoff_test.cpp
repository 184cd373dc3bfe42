#include "sluice/pods/crash_backoff.hpp"

#include <vector>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using sluice::CrashBackoff;

TEST_CASE("crash back-off: at once, then 10 s doubling up to 300 s", "[sluice][pods]") {
    CrashBackoff backoff;
    const std::vector<common::Duration> waits{0s, 10s, 20s, 40s, 80s, 160s, 300s, 300s, 300s};
    for (const auto wait : waits)
        CHECK(backoff.next(1s) == wait);
}

TEST_CASE("crash back-off: a run of ten minutes forgives what was before", "[sluice][pods]") {
    CrashBackoff backoff;
    CHECK(backoff.next(0s) == 0s);
    CHECK(backoff.next(0s) == 10s);
    CHECK(backoff.next(10min - 1ns) == 20s);
    CHECK(backoff.next(10min) == 0s);
    CHECK(backoff.next(0s) == 10s);
}
