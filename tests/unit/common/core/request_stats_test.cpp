// The time-weighted average is exact, and never outside the range of the concurrency.
#include "common/core/request_stats.hpp"

#include <algorithm>
#include <chrono>
#include <random>

#include <catch2/catch.hpp>

using common::Duration;
using common::Instant;
using common::RequestStats;
using namespace std::chrono_literals;

TEST_CASE("request stats: the average is weighted by time", "[common][core]") {
    RequestStats stats{Instant{}};
    stats.request_in(Instant(250ms));
    stats.request_in(Instant(500ms));
    stats.request_out(Instant(750ms));
    const RequestStats::Report report = stats.report(Instant(1s));
    CHECK(report.average_concurrency == 1.0);  // 0, 1, 2, 1 for a quarter each
    CHECK(report.requests == 2);
    CHECK(report.average_proxied_concurrency == 0);
}

TEST_CASE("request stats: a report begins anew but the running requests stay", "[common][core]") {
    RequestStats stats{Instant{}};
    stats.proxied_in(Instant{});
    stats.request_in(Instant{});
    stats.report(Instant(1s));
    const RequestStats::Report report = stats.report(Instant(3s));
    CHECK(report.average_concurrency == 2);
    CHECK(report.average_proxied_concurrency == 1);
    CHECK(report.requests == 0);
    CHECK(stats.concurrency() == 2);
    stats.proxied_out(Instant(3s));
    CHECK(stats.concurrency() == 1);
    CHECK(stats.proxied_concurrency() == 0);
}

TEST_CASE("request stats: proxied requests count in the totals too", "[common][core]") {
    RequestStats stats{Instant{}};
    stats.proxied_in(Instant{});
    stats.proxied_out(Instant(500ms));
    const RequestStats::Report report = stats.report(Instant(1s));
    CHECK(report.requests == 1);
    CHECK(report.proxied_requests == 1);
    CHECK(report.average_concurrency == 0.5);
    CHECK(report.average_proxied_concurrency == 0.5);
}

TEST_CASE("request stats: no time is no average, and time going back is ignored",
          "[common][core]") {
    RequestStats stats{Instant(5s)};
    stats.request_in(Instant(5s));
    CHECK(stats.report(Instant(5s)).average_concurrency == 0);
    CHECK(stats.report(Instant(4s)).average_concurrency == 0);
    CHECK(stats.report(Instant(6s)).average_concurrency == 1);
}

TEST_CASE("request stats: a steady concurrency is reported exactly, however it is cut",
          "[common][core]") {
    std::mt19937_64 random(5);
    RequestStats stats{Instant{}};
    Instant now{};
    for (int request = 0; request < 5; ++request)
        stats.request_in(now);
    for (int round = 0; round < 1000; ++round) {
        for (int event = 0; event < 20; ++event) {
            now += Duration(std::uniform_int_distribution(1, 100'000'003)(random));
            stats.request_out(now);
            stats.request_in(now);
        }
        REQUIRE(stats.report(now).average_concurrency == 5.0);
    }
}

TEST_CASE("request stats: an average lies between the smallest and the greatest concurrency",
          "[common][core]") {
    std::mt19937_64 random(6);
    RequestStats stats{Instant{}};
    Instant now{};
    for (int round = 0; round < 500; ++round) {
        std::uint64_t least = stats.concurrency();
        std::uint64_t most = least;
        for (int event = 0; event < 10; ++event) {
            now += Duration(std::uniform_int_distribution(0, 300'000'000)(random));
            const bool leave = stats.concurrency() > 0 && random() % 2 == 0;
            leave ? stats.request_out(now) : stats.request_in(now);
            least = std::min(least, stats.concurrency());
            most = std::max(most, stats.concurrency());
        }
        const double average = stats.report(now).average_concurrency;
        REQUIRE(average >= static_cast<double>(least));
        REQUIRE(average <= static_cast<double>(most));
    }
}
