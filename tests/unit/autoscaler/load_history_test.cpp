// What reports and pokes put into the windows, with and without jitter.
#include "autoscaler/load_history.hpp"

#include <chrono>
#include <random>

#include <catch2/catch.hpp>

using autoscaler::Aggregation;
using autoscaler::LoadHistory;
using common::Instant;
using std::chrono::seconds;

namespace {

Instant at(double offset) {
    return Instant(seconds(1000)) + common::from_seconds(offset);
}

LoadHistory fresh() {
    return LoadHistory(seconds(60), seconds(6), Aggregation::linear);
}

}  // namespace

TEST_CASE("load history: punctual reports are what stock records", "[autoscaler]") {
    LoadHistory history = fresh();
    autoscaler::Window stock(seconds(60), Aggregation::linear);
    for (int second = 0; second < 200; ++second) {
        const double value = second % 7;
        history.report(at(second + 0.5), value, false);
        stock.record(at(second + 0.5), value);
        REQUIRE(history.averages(at(second + 0.9)).stable == stock.average(at(second + 0.9)));
    }
}

TEST_CASE("load history: the poke counts at once and is taken off the next report",
          "[autoscaler]") {
    LoadHistory history = fresh();
    REQUIRE(history.poke(at(0.2), 1));
    CHECK(history.averages(at(0.2)).stable == 1);
    CHECK_FALSE(history.poke(at(0.3), 1));  // not the first any more
    SECTION("in the same second the greater one stands") {
        history.report(at(0.9), 5, false);
        CHECK(history.averages(at(0.9)).stable == 5);
    }
    SECTION("in the next second one is taken off, as in stock") {
        history.report(at(1.2), 5, false);
        CHECK(history.averages(at(1.2)).stable == 2.5);  // 1 and 4
        history.report(at(2.2), 5, false);
        CHECK(history.averages(at(2.2)).stable == Approx(10.0 / 3).margin(1e-6));
    }
    SECTION("only after an idle report is a request a first one again") {
        history.report(at(1.2), 0.5, false);
        CHECK_FALSE(history.poke(at(1.3), 1));
        history.report(at(2.2), 0, true);
        CHECK(history.poke(at(2.3), 1));
    }
}

TEST_CASE("load history: a late report fills the seconds that it covers", "[autoscaler]") {
    LoadHistory history = fresh();
    history.report(at(0.5), 4, false);
    history.report(at(4.5), 2, false);               // stock would leave three seconds empty
    CHECK(history.averages(at(4.5)).stable == 2.4);  // 4 2 2 2 2
}

TEST_CASE("load history: after hours of silence one report fills no more than the window",
          "[autoscaler]") {
    LoadHistory history = fresh();
    history.report(at(0.5), 4, false);
    history.report(at(100'000.5), 2, false);
    CHECK(history.averages(at(100'000.5)).stable == 2);
    CHECK(history.averages(at(100'000.5)).panic == 2);
}

TEST_CASE("load history: a report from the past is ignored", "[autoscaler]") {
    LoadHistory history = fresh();
    history.report(at(5.5), 4, false);
    history.report(at(4.5), 100, false);
    CHECK(history.averages(at(5.5)).stable == 4);
}

TEST_CASE("load history: whatever the timing, averages stay within what was reported",
          "[autoscaler]") {
    const auto aggregation = GENERATE(Aggregation::linear, Aggregation::weighted_exponential);
    std::mt19937_64 random(GENERATE(range<unsigned>(1, 16)));
    LoadHistory history(seconds(60), seconds(6), aggregation);
    double now = std::uniform_real_distribution(0.0, 1.0)(random);
    bool idle = true;
    for (int round = 0; round < 3000; ++round) {
        now += std::uniform_real_distribution(0.0, 0.4)(random);
        if (idle && random() % 3 == 0) history.poke(at(now), 1);
        now += std::uniform_real_distribution(0.1, 1.2)(random);
        idle = random() % 20 == 0;
        history.report(at(now), idle ? 0 : 5, idle);
        const autoscaler::Averages averages = history.averages(at(now));
        REQUIRE(averages.stable <= 5);
        REQUIRE(averages.panic <= 5);
        REQUIRE(averages.stable >= 0);
    }
}

TEST_CASE("load history: a steady load is reported steadily under jitter", "[autoscaler]") {
    std::mt19937_64 random(21);
    LoadHistory history = fresh();
    history.poke(at(0), 1);
    double now = 0;
    for (int round = 1; round < 2000; ++round) {
        now = round + std::uniform_real_distribution(-0.45, 0.45)(random);
        history.report(at(now), 5, false);
        if (round > 70) REQUIRE(history.averages(at(now)).stable == 5);
        if (round > 10) REQUIRE(history.averages(at(now)).panic == 5);
    }
}
