// Contract queue-proxy 3.4, rows 44-54; deviations D2, D3.
#include "proxy/core/timeouts.hpp"

#include <catch2/catch.hpp>

using namespace proxy;
using namespace std::chrono_literals;

namespace {

constexpr Instant at(Duration since_start) {
    return Instant(since_start);
}

}  // namespace

TEST_CASE(
    "timeouts: rows 44 and 53, total fires whatever was done, with 504 if nothing was written",
    "[proxy][core]") {
    RequestTimeouts timeouts({.total = 2s}, at(10s));
    CHECK(timeouts.next_deadline() == at(12s));
    CHECK_FALSE(timeouts.fired(at(12s) - 1ns).has_value());
    CHECK(timeouts.fired(at(12s)) == Timeout::total);
    CHECK(timeouts.on_expiry() == OnExpiry::answer_504);
    CHECK(timeouts.next_deadline() == Instant::max());
    CHECK(timeouts.fired(at(99s)) == Timeout::total);
    CHECK(timeout_body.size() == 15);
}

TEST_CASE("timeouts: rows 45 and 46 (D2), after something was written total aborts",
          "[proxy][core]") {
    RequestTimeouts timeouts({.total = 2s}, at(0s));
    timeouts.wrote(at(1s));
    CHECK(timeouts.fired(at(2s)) == Timeout::total);
    CHECK(timeouts.on_expiry() == OnExpiry::abort);
}

TEST_CASE("timeouts: row 47, response start is off for good after the first byte",
          "[proxy][core]") {
    RequestTimeouts timeouts({.total = 60s, .response_start = 2s}, at(0s));
    CHECK(timeouts.next_deadline() == at(2s));
    timeouts.wrote(at(1s));
    CHECK(timeouts.next_deadline() == at(60s));
    CHECK_FALSE(timeouts.fired(at(50s)).has_value());
    RequestTimeouts silent({.total = 60s, .response_start = 2s}, at(0s));
    CHECK(silent.fired(at(2s)) == Timeout::response_start);
    CHECK(silent.on_expiry() == OnExpiry::answer_504);
}

TEST_CASE("timeouts: row 48, idle is the gap between writes", "[proxy][core]") {
    RequestTimeouts timeouts({.total = 600s, .idle = 2s}, at(0s));
    for (int second = 1; second <= 10; ++second) {
        CHECK_FALSE(timeouts.fired(at(std::chrono::seconds(second))).has_value());
        timeouts.wrote(at(std::chrono::seconds(second)));
    }
    CHECK(timeouts.next_deadline() == at(12s));
    CHECK(timeouts.fired(at(12s)) == Timeout::idle);
    CHECK(timeouts.on_expiry() == OnExpiry::abort);
}

TEST_CASE("timeouts: row 49, idle without a first byte is a 504", "[proxy][core]") {
    RequestTimeouts timeouts({.total = 600s, .response_start = 300s, .idle = 2s}, at(0s));
    CHECK(timeouts.fired(at(2s)) == Timeout::idle);
    CHECK(timeouts.on_expiry() == OnExpiry::answer_504);
}

TEST_CASE("timeouts: row 50, a total of zero or less fires at once", "[proxy][core]") {
    for (const Duration total : {Duration(0s), Duration(-5s)}) {
        RequestTimeouts timeouts({.total = total, .response_start = 9s, .idle = 9s}, at(7s));
        CHECK(timeouts.next_deadline() == at(7s));
        CHECK(timeouts.fired(at(7s)) == Timeout::total);
    }
}

TEST_CASE("timeouts: row 52 (D3), only total ends a busy WebSocket", "[proxy][core]") {
    RequestTimeouts timeouts({.total = 100s, .response_start = 2s, .idle = 3s}, at(0s));
    timeouts.wrote(at(1s));  // the 101
    for (int second = 2; second < 100; second += 2) {
        REQUIRE_FALSE(timeouts.fired(at(std::chrono::seconds(second))).has_value());
        timeouts.wrote(at(std::chrono::seconds(second)));  // a relayed piece
    }
    CHECK(timeouts.fired(at(100s)) == Timeout::total);
}

TEST_CASE("timeouts: the earliest of several missed deadlines is named", "[proxy][core]") {
    RequestTimeouts timeouts({.total = 5s, .response_start = 3s, .idle = 4s}, at(0s));
    CHECK(timeouts.fired(at(60s)) == Timeout::response_start);
    RequestTimeouts same({.total = 3s, .response_start = 3s, .idle = 3s}, at(0s));
    CHECK(same.fired(at(3s)) == Timeout::total);
}

TEST_CASE("timeouts: enormous limits do not overflow", "[proxy][core]") {
    RequestTimeouts timeouts({.total = Duration::max(), .idle = Duration::max()}, at(100s));
    timeouts.wrote(at(200s));
    CHECK(timeouts.next_deadline() == Instant::max());
    CHECK_FALSE(timeouts.fired(at(1000h)).has_value());
}

TEST_CASE("timeouts: log names", "[proxy][core]") {
    CHECK(timeout_name(Timeout::total) == "Request timeout");
    CHECK(timeout_name(Timeout::idle) == "Idle timeout");
    CHECK(timeout_name(Timeout::response_start) == "Response start timeout");
}
