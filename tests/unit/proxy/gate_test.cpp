#include "proxy/gate.hpp"

#include <catch2/catch.hpp>

#include "tests/support/shell_fixture.hpp"

using namespace std::chrono_literals;
using proxy::AdmissionLimits;
using proxy::Gate;
using proxy::Lane;
using proxy::Ticket;
using proxy::Verdict;
using proxy::WhenFull;

namespace {

class GateFixture : public common::ShellFixture {
  public:
    Verdict arrive(Ticket& ticket) { return gate.arrive(ticket, Lane::app, WhenFull::queue); }

    Gate gate{time, AdmissionLimits::of_container_concurrency(1)};
    Ticket first{io.get_executor()};
    Ticket second{io.get_executor()};
};

}  // namespace

TEST_CASE("gate: a released slot wakes the first in line", "[proxy]") {
    GateFixture f;
    REQUIRE(f.arrive(f.first) == Verdict::admitted);
    REQUIRE(f.arrive(f.second) == Verdict::queued);
    CHECK(f.second.state == Ticket::State::waiting);
    f.gate.release(f.first);
    CHECK(f.second.state == Ticket::State::admitted);
    CHECK_FALSE(f.gate.abandon(f.second));
    f.gate.release(f.second);
    CHECK(f.gate.counts().running == 0);
}

TEST_CASE("gate: one who leaves the line is never admitted", "[proxy]") {
    GateFixture f;
    f.arrive(f.first);
    f.arrive(f.second);
    CHECK(f.gate.abandon(f.second));
    f.gate.release(f.first);
    CHECK(f.second.state == Ticket::State::ended);
    CHECK(f.gate.counts().running == 0);
}

TEST_CASE("gate: a held slot is free only when it is released", "[proxy]") {
    GateFixture f;
    f.arrive(f.first);
    f.arrive(f.second);
    const proxy::RequestId id = f.first.id;
    int expired = 0;
    f.gate.hold(f.first, 10s, [&expired] { ++expired; });
    f.time.advance(9s);
    CHECK(expired == 0);
    CHECK(f.second.state == Ticket::State::waiting);
    f.time.advance(1s);
    CHECK(expired == 1);
    CHECK(f.second.state == Ticket::State::waiting);
    f.gate.release_held(id);
    CHECK(f.second.state == Ticket::State::admitted);
    f.gate.release(f.second);
}

TEST_CASE("gate: at the end of the process every hold expires once", "[proxy]") {
    GateFixture f;
    f.arrive(f.first);
    const proxy::RequestId id = f.first.id;
    int expired = 0;
    // Releases from inside the callback, as a connection that closes at once may do.
    f.gate.hold(f.first, 1h, [&] {
        ++expired;
        f.gate.release_held(id);
    });
    f.gate.expire_holds();
    f.gate.expire_holds();
    CHECK(expired == 1);
    CHECK(f.gate.counts().held == 0);
    f.time.advance(1h);
}
