#include "activator/standalone/core/leader_election.hpp"

#include <catch2/catch.hpp>

using namespace activator::standalone;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Step = LeaderElection::Step;

namespace {

Instant at(Duration since_start) {
    return Instant{} + seconds(1000) + since_start;
}

// The API server's Lease: a write counts only if it names the version that is there.
struct Server {
    std::optional<LeaseRecord> lease;
    int version = 0;

    bool put(const LeaseRecord& record) {
        if (lease && lease->version != record.version) return false;
        lease = record;
        lease->version = std::to_string(++version);
        return true;
    }
};

// One turn of an activator, as the shell makes it.
void turn(LeaderElection& election, Server& server, Instant now) {
    if (election.read(server.lease, now) == Step::wait) return;
    if (server.put(election.next("now"))) {
        election.written(now);
    } else {
        election.refused();
    }
}

}  // namespace

TEST_CASE("leader: the first one creates the Lease and leads", "[activator][standalone]") {
    LeaderElection election("a@10.0.0.1:8014");
    REQUIRE(election.read(std::nullopt, at(seconds(0))) == Step::create);
    const LeaseRecord record = election.next("2026-01-01T00:00:00.000000Z");
    CHECK(record.holder == "a@10.0.0.1:8014");
    CHECK(record.duration_seconds == 15);
    CHECK(record.acquire_time == "2026-01-01T00:00:00.000000Z");
    CHECK(record.renew_time == record.acquire_time);
    CHECK(record.transitions == 0);
    CHECK_FALSE(election.leading(at(seconds(0))));
    election.written(at(seconds(0)));
    CHECK(election.leading(at(seconds(9))));
    CHECK_FALSE(election.leading(at(seconds(10))));
}

TEST_CASE("leader: the second one waits until the Lease has not changed for its duration",
          "[activator][standalone]") {
    Server server;
    LeaderElection a("a");
    LeaderElection b("b");
    turn(a, server, at(seconds(0)));
    for (int s = 1; s < 20; s += 2) {
        turn(a, server, at(seconds(s)));
        turn(b, server, at(seconds(s) + milliseconds(500)));
        CHECK(a.leading(at(seconds(s))));
        CHECK_FALSE(b.leading(at(seconds(s))));
        CHECK(b.holder() == "a");
    }
    // a is killed after its write at 19 s, which b sees 500 ms later.
    for (int s = 21; s < 34; s += 2) {
        turn(b, server, at(seconds(s)));
        CHECK_FALSE(b.leading(at(seconds(s))));
    }
    turn(b, server, at(seconds(35)));
    CHECK(b.leading(at(seconds(35))));
    CHECK(server.lease->transitions == 1);
    CHECK(server.lease->holder == "b");
}

TEST_CASE("leader: one that cannot write has stopped before another may begin",
          "[activator][standalone]") {
    Server server;
    LeaderElection a("a");
    LeaderElection b("b");
    turn(a, server, at(seconds(0)));
    // From now on a reaches nobody. Its clock has the last word on itself.
    Duration stopped{};
    Duration taken{};
    for (Duration t = milliseconds(100); t < seconds(30); t += milliseconds(100)) {
        turn(b, server, at(t));
        CHECK_FALSE((a.leading(at(t)) && b.leading(at(t))));
        if (stopped == Duration::zero() && !a.leading(at(t))) stopped = t;
        if (taken == Duration::zero() && b.leading(at(t))) taken = t;
    }
    CHECK(stopped == seconds(10));
    CHECK(taken == seconds(15) + milliseconds(100));
    // a comes back and finds that it is over.
    turn(a, server, at(seconds(30)));
    CHECK_FALSE(a.leading(at(seconds(30))));
    CHECK(a.holder() == "b");
}

TEST_CASE("leader: a Lease that is let go is taken at the next look", "[activator][standalone]") {
    Server server;
    LeaderElection a("a");
    LeaderElection b("b");
    turn(a, server, at(seconds(0)));
    turn(b, server, at(seconds(1)));
    REQUIRE(a.read(server.lease, at(seconds(2))) == Step::write);
    a.stop();
    REQUIRE(server.put(a.released()));
    CHECK_FALSE(a.leading(at(seconds(2))));
    CHECK(server.lease->holder.empty());
    turn(b, server, at(seconds(3)));
    CHECK(b.leading(at(seconds(3))));
}

TEST_CASE("leader: of two who write at once one wins", "[activator][standalone]") {
    Server server;
    LeaderElection a("a");
    LeaderElection b("b");
    server.put({"", 1, "", "", 3, ""});
    REQUIRE(a.read(server.lease, at(seconds(0))) == Step::write);
    REQUIRE(b.read(server.lease, at(seconds(0))) == Step::write);
    const LeaseRecord of_a = a.next("x");
    const LeaseRecord of_b = b.next("x");
    REQUIRE(server.put(of_b));
    b.written(at(seconds(0)));
    REQUIRE_FALSE(server.put(of_a));
    a.refused();
    CHECK(b.leading(at(seconds(1))));
    CHECK_FALSE(a.leading(at(seconds(1))));
    turn(a, server, at(seconds(2)));
    CHECK(a.holder() == "b");
    CHECK(server.lease->transitions == 4);
}
