// Contract queue-proxy 5.2, 5.3, rows 14-22.
#include "proxy/core/drain.hpp"

#include <catch2/catch.hpp>

using namespace proxy;
using namespace std::chrono_literals;
using Step = DrainStep;

namespace {

constexpr Instant at(Duration since_start) {
    return Instant(since_start);
}

}  // namespace

TEST_CASE("drain: row 14, an ordinary request restarts the quiet period", "[proxy][core]") {
    Drain drain({});
    CHECK_FALSE(drain.is_draining());
    drain.request_arrived(at(0s));
    CHECK(drain.next_deadline() == Instant::max());
    drain.signalled(at(1s));
    CHECK(drain.is_draining());
    CHECK(drain.is_terminating());
    CHECK(drain.next_deadline() == at(31s));
    drain.request_arrived(at(20s));
    CHECK(drain.next_deadline() == at(50s));
    CHECK(drain.step(at(50s) - 1ns) == Step::none);
    CHECK(drain.step(at(50s)) == Step::close_listeners);
    CHECK(drain.step(at(50s)) == Step::none);
    // Too late to put anything off.
    drain.request_arrived(at(51s));
    CHECK(drain.next_deadline() == Instant::max());
}

TEST_CASE("drain: row 15, without a signal /wait-for-drain ends after 1 s and all is as before",
          "[proxy][core]") {
    Drain drain({});
    CHECK(drain.wait_requested(at(0s)));
    CHECK(drain.is_draining());
    CHECK(drain.next_deadline() == at(1s));
    CHECK(drain.step(at(1s) - 1ns) == Step::none);
    CHECK(drain.step(at(1s)) == Step::release_waiters);
    CHECK(drain.step(at(1s)) == Step::none);
    CHECK_FALSE(drain.is_draining());
    CHECK(drain.next_deadline() == Instant::max());
    // And again.
    CHECK(drain.wait_requested(at(60s)));
    CHECK(drain.next_deadline() == at(61s));
}

TEST_CASE("drain: row 16, two waiters return when the first resets", "[proxy][core]") {
    Drain drain({});
    CHECK(drain.wait_requested(at(0s)));
    CHECK(drain.wait_requested(at(500ms)));
    CHECK(drain.step(at(1s)) == Step::release_waiters);
    CHECK(drain.step(at(1500ms)) == Step::none);
    CHECK_FALSE(drain.is_draining());
}

TEST_CASE("drain: row 17, a signal within 1 s keeps the drain, counted from the first call",
          "[proxy][core]") {
    Drain drain({});
    CHECK(drain.wait_requested(at(0s)));
    drain.signalled(at(500ms));
    CHECK(drain.step(at(1s)) == Step::none);
    CHECK(drain.is_draining());
    CHECK(drain.wait_requested(at(10s)));  // joins
    CHECK(drain.next_deadline() == at(30s));
    CHECK(drain.step(at(30s)) == Step::release_waiters);
    CHECK(drain.step(at(30s)) == Step::close_listeners);
    CHECK_FALSE(drain.wait_requested(at(31s)));
    drain.listeners_closed(0, at(31s));
    CHECK(drain.step(at(31s)) == Step::exit_clean);
    CHECK(drain.step(at(31s)) == Step::none);
}

TEST_CASE("drain: rows 18 and 19, idle or busy, it ends when the last connection does",
          "[proxy][core]") {
    Drain idle({});
    idle.signalled(at(0s));
    CHECK(idle.step(at(30s)) == Step::close_listeners);
    idle.listeners_closed(0, at(30s));
    CHECK(idle.step(at(30s)) == Step::exit_clean);

    Drain busy({});
    busy.signalled(at(0s));
    busy.request_arrived(at(10s));
    CHECK(busy.step(at(40s)) == Step::close_listeners);
    CHECK(busy.step(at(54s)) == Step::none);
    busy.listeners_closed(0, at(55s));
    CHECK(busy.step(at(55s)) == Step::exit_clean);
}

TEST_CASE("drain: rows 20 and 21, streams have 60 s after the listeners", "[proxy][core]") {
    Drain websocket({});
    websocket.signalled(at(0s));
    REQUIRE(websocket.step(at(30s)) == Step::close_listeners);
    websocket.listeners_closed(1, at(30s));
    CHECK(websocket.next_deadline() == at(90s));
    CHECK(websocket.step(at(90s) - 1ns) == Step::none);
    CHECK(websocket.step(at(90s)) == Step::end_streams);
    CHECK(websocket.step(at(91s)) == Step::none);

    Drain h2c({});
    h2c.signalled(at(0s));
    REQUIRE(h2c.step(at(30s)) == Step::close_listeners);
    h2c.listeners_closed(1, at(30s));
    h2c.in_flight_changed(2);
    h2c.in_flight_changed(1);
    CHECK(h2c.step(at(50s)) == Step::none);
    h2c.in_flight_changed(0);
    CHECK(h2c.step(at(51s)) == Step::exit_clean);
}

TEST_CASE("drain: row 22, a second signal at any time exits at once", "[proxy][core]") {
    for (const int stage : {0, 1, 2}) {
        Drain drain({});
        drain.signalled(at(0s));
        if (stage >= 1) REQUIRE(drain.step(at(30s)) == Step::close_listeners);
        if (stage >= 2) drain.listeners_closed(1, at(31s));
        drain.signalled(at(32s));
        CHECK(drain.step(at(32s)) == Step::exit_now);
        CHECK(drain.step(at(32s)) == Step::none);
    }
}

TEST_CASE("drain: a signal later than 1 s starts anew", "[proxy][core]") {
    Drain drain({});
    drain.wait_requested(at(0s));
    REQUIRE(drain.step(at(1s)) == Step::release_waiters);
    drain.signalled(at(5s));
    CHECK(drain.next_deadline() == at(35s));
}

TEST_CASE("drain: a quiet period below 1 s answers early and is still taken back",
          "[proxy][core]") {
    Drain drain({.quiet = 100ms});
    CHECK(drain.wait_requested(at(0s)));
    CHECK(drain.step(at(100ms)) == Step::release_waiters);
    CHECK(drain.is_draining());
    CHECK(drain.next_deadline() == at(1s));
    CHECK(drain.step(at(1s)) == Step::none);
    CHECK_FALSE(drain.is_draining());

    Drain signalled({.quiet = 100ms});
    CHECK(signalled.wait_requested(at(0s)));
    CHECK(signalled.step(at(100ms)) == Step::release_waiters);
    signalled.signalled(at(200ms));
    CHECK(signalled.step(at(200ms)) == Step::close_listeners);
    CHECK(signalled.is_draining());
}

TEST_CASE("drain: no quiet period at all closes at once", "[proxy][core]") {
    Drain drain({.quiet = 0s});
    drain.signalled(at(3s));
    CHECK(drain.step(at(3s)) == Step::close_listeners);
}
