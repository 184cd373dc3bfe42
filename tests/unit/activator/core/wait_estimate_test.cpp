#include "activator/core/wait_estimate.hpp"

#include <catch2/catch.hpp>

using activator::WaitEstimate;
using namespace std::chrono_literals;

TEST_CASE("wait estimate: slots are taken in the order in which they become free",
          "[activator][core]") {
    // One runs for 3 s more, one is late already, one pod still loads for 20 s.
    const WaitEstimate estimate({3s, -2s, 20s}, 5s, false);
    CHECK(estimate.at(0) == 0s);
    CHECK(estimate.at(1) == 3s);
    CHECK(estimate.at(2) == 20s);
    CHECK(estimate.at(3) == 5s);
    CHECK(estimate.at(4) == 8s);
    CHECK(estimate.at(9'999) == 0s + 3333 * 5s);
}

TEST_CASE("wait estimate: without a slot nothing is said, without a limit all go at once",
          "[activator][core]") {
    CHECK_FALSE(WaitEstimate({}, 5s, false).at(0));
    const WaitEstimate unlimited({7s, 9s}, 5s, true);
    CHECK(unlimited.at(0) == 7s);
    CHECK(unlimited.at(500) == 7s);
}
