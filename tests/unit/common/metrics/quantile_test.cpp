#include <array>

#include <catch2/catch.hpp>

#include "common/metrics/histogram.hpp"

namespace {

constexpr double bounds[] = {1, 2, 4};

}  // namespace

TEST_CASE("quantile: evenly spread inside a bucket, as Prometheus's", "[common]") {
    const std::array<std::uint64_t, 4> counts = {10, 20, 10, 0};
    CHECK(common::quantile(bounds, counts, 0.5) == Approx(1.5));
    CHECK(common::quantile(bounds, counts, 0.25) == Approx(1));
    CHECK(common::quantile(bounds, counts, 0.875) == Approx(3));
    CHECK(common::quantile(bounds, counts, 1) == Approx(4));
}

TEST_CASE("quantile: beyond the last bound nobody knows more, and of nothing nobody says anything",
          "[common]") {
    const std::array<std::uint64_t, 4> beyond = {0, 0, 0, 3};
    CHECK(common::quantile(bounds, beyond, 0.5) == Approx(4));
    const std::array<std::uint64_t, 4> none = {};
    CHECK_FALSE(common::quantile(bounds, none, 0.5));
}
