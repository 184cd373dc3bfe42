#include "common/time/system_time.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("system time: an armed timer counts until it fires, is disarmed or goes", "[common]") {
    boost::asio::io_context io(1);
    common::SystemTime time(io.get_executor());
    CHECK(time.armed() == 0);
    const auto first = time.make_timer();
    auto second = time.make_timer();
    const auto third = time.make_timer();
    CHECK(time.armed() == 0);
    int fired = 0;
    first->arm(time.now(), [&] { ++fired; });
    second->arm(time.now() + 1h, [&] { ++fired; });
    third->arm(time.now() + 1h, [&] { ++fired; });
    third->arm(time.now() + 2h, [&] { ++fired; });
    CHECK(time.armed() == 3);
    io.run_one_for(30s);
    CHECK(fired == 1);
    CHECK(time.armed() == 2);
    second.reset();
    third->disarm();
    CHECK(time.armed() == 0);
    // An event loop ends when nothing is left to wait for.
    io.run_for(30s);
    CHECK(io.stopped());
    CHECK(fired == 1);
}
