// Signal, TaskGroup, Watchdog, sleep: what every coroutine of the shells leans on.
#include <stdexcept>
#include <vector>

#include <catch2/catch.hpp>

#include "common/async/signal.hpp"
#include "common/async/sleep.hpp"
#include "common/async/watchdog.hpp"
#include "tests/support/shell_fixture.hpp"

namespace common {
namespace {

using std::chrono::seconds;

awaitable<void> count_wakes(Signal& signal, int& wakes, int until) {
    while (wakes < until) {
        co_await signal.wait();
        ++wakes;
    }
}

TEST_CASE("signal: a notification before the wait is not lost", "[common][async]") {
    ShellFixture f;
    Signal signal(f.io.get_executor());
    int wakes = 0;
    signal.notify();
    signal.notify();  // latches, does not count
    f.tasks.spawn("waiter", count_wakes(signal, wakes, 2));
    f.time.settle();
    CHECK(wakes == 1);
    signal.notify();
    CHECK(wakes == 1);  // from the event loop, not from inside notify()
    f.time.settle();
    CHECK(wakes == 2);
}

TEST_CASE("signal: resume runs the waiter before it returns", "[common][async]") {
    ShellFixture f;
    Signal signal(f.io.get_executor());
    int wakes = 0;
    signal.resume();
    f.tasks.spawn("waiter", count_wakes(signal, wakes, 3));
    f.time.settle();
    CHECK(wakes == 1);
    signal.resume();
    CHECK(wakes == 2);
    signal.resume();
    CHECK(wakes == 3);
}

TEST_CASE("signal: two notifications before the waiter runs wake it once", "[common][async]") {
    ShellFixture f;
    Signal signal(f.io.get_executor());
    int wakes = 0;
    f.tasks.spawn("waiter", count_wakes(signal, wakes, 2));
    f.time.settle();
    signal.notify();
    signal.notify();
    f.time.settle();
    CHECK(wakes == 1);
    signal.notify();
    f.time.settle();
}

awaitable<void> fail_at_once() {
    throw std::runtime_error("boom");
    co_return;
}

awaitable<void> wait_for(Signal& signal) {
    co_await signal.wait();
}

TEST_CASE("task group: a failing task is counted and ends alone", "[common][async]") {
    ShellFixture f;
    f.failures_expected = 1;
    Signal signal(f.io.get_executor());
    CHECK(f.tasks.spawn("fails", fail_at_once()));
    CHECK(f.tasks.spawn("waits", wait_for(signal)));
    f.time.settle();
    CHECK(f.tasks.failures() == 1);
    CHECK(f.tasks.size() == 1);
    signal.notify();
    f.time.settle();
}

TEST_CASE("task group: closed, it starts nothing more", "[common][async]") {
    ShellFixture f;
    Signal signal(f.io.get_executor());
    f.tasks.spawn("waits", wait_for(signal));
    f.tasks.close();
    CHECK_FALSE(f.tasks.spawn("late", wait_for(signal)));
    CHECK(f.tasks.size() == 1);
    signal.notify();
    f.time.settle();
}

TEST_CASE("task group: when_empty waits for the last task", "[common][async]") {
    ShellFixture f;
    int empty = 0;
    f.tasks.when_empty([&empty] { ++empty; });
    CHECK(empty == 0);
    f.time.settle();
    CHECK(empty == 1);
    Signal a(f.io.get_executor());
    Signal b(f.io.get_executor());
    f.tasks.spawn("a", wait_for(a));
    f.tasks.spawn("b", wait_for(b));
    f.tasks.when_empty([&empty] { ++empty; });
    a.notify();
    f.time.settle();
    CHECK(empty == 1);
    b.notify();
    f.time.settle();
    CHECK(empty == 2);
}

TEST_CASE("watchdog: fires at the last deadline that was set", "[common][async]") {
    ShellFixture f;
    std::vector<Instant> fired;
    Watchdog watchdog(f.time, [&] { fired.push_back(f.time.now()); });
    const Instant start = f.time.now();
    SECTION("moved on") {
        watchdog.set(start + seconds(10));
        f.time.advance(seconds(5));
        watchdog.set(start + seconds(20));
        CHECK(f.time.armed() == 1);
        f.time.advance(seconds(14));
        CHECK(fired.empty());
        CHECK_FALSE(watchdog.expired());
        f.time.advance(seconds(1));
    }
    SECTION("moved back") {
        watchdog.set(start + seconds(100));
        watchdog.set(start + seconds(20));
        f.time.advance(seconds(200));
    }
    SECTION("cleared and set again") {
        watchdog.set(start + seconds(10));
        watchdog.clear();
        f.time.advance(seconds(15));
        CHECK(fired.empty());
        watchdog.set(start + seconds(20));
        f.time.advance(seconds(50));
    }
    CHECK(fired == std::vector<Instant>{start + seconds(20)});
    CHECK(watchdog.expired());
    watchdog.set(f.time.now() + seconds(1));
    CHECK_FALSE(watchdog.expired());
    f.time.advance(seconds(1));
    CHECK(fired.size() == 2);
}

TEST_CASE("watchdog: its callback may set the next deadline", "[common][async]") {
    ShellFixture f;
    int fired = 0;
    std::unique_ptr<Watchdog> watchdog;
    watchdog = std::make_unique<Watchdog>(f.time, [&] {
        if (++fired < 3) watchdog->set(f.time.now() + seconds(1));
    });
    watchdog->set(f.time.now() + seconds(1));
    f.time.advance(seconds(10));
    CHECK(fired == 3);
}

awaitable<Instant> sleep_and_look(TimeSource& time, Duration duration) {
    co_await sleep_for(time, duration);
    co_return time.now();
}

awaitable<void> note_wake(ManualTime& time, Duration duration, std::vector<Instant>& wakes) {
    wakes.push_back(co_await sleep_and_look(time, duration));
}

TEST_CASE("sleep: ends at its time, in order, zero and negative too", "[common][async]") {
    ShellFixture f;
    std::vector<Instant> wakes;
    const Instant start = f.time.now();
    f.tasks.spawn("b", note_wake(f.time, seconds(2), wakes));
    f.tasks.spawn("a", note_wake(f.time, seconds(1), wakes));
    f.tasks.spawn("now", note_wake(f.time, seconds(0), wakes));
    f.tasks.spawn("past", note_wake(f.time, seconds(-1), wakes));
    f.time.advance(seconds(5));
    CHECK(wakes == std::vector<Instant>{start, start, start + seconds(1), start + seconds(2)});
}

}  // namespace
}  // namespace common
