// Who scales, over an API server that the test plays: taking, renewing, losing, letting go.
#include "activator/standalone/leadership.hpp"

#include <catch2/catch.hpp>

#include "tests/support/fake_api_server.hpp"

namespace activator::standalone {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/sluice-system/leases";
const std::string lease = leases + "/sluice-activator";

struct Fixture : common::ShellFixture {
    ~Fixture() {
        a.stop();
        b.stop();
        rest();
    }

    Leadership make(const std::string& who, const std::string& address, int& changes) {
        Leadership::Events events{[&changes] { ++changes; }, [&changes] { ++changes; }};
        return {tasks, time, api, "sluice-system", who + "@" + address, std::move(events)};
    }
    // Everything that is under way has ended.
    void rest() {
        REQUIRE(common::run_until(io, [this] { return tasks.size() == 0; }));
    }
    void pass(Duration all) {
        const Duration step = milliseconds(500);
        for (Duration passed{}; passed < all; passed += step) {
            time.advance(step);
            rest();
            CHECK_FALSE((a.leads() && b.leads()));
        }
    }
    json spec() { return server->object(lease)["spec"]; }
    std::string holder() { return spec()["holderIdentity"].get<std::string>(); }
    void a_leads() {
        a.start();
        rest();
        REQUIRE(a.leads());
        b.start();
        rest();
        REQUIRE_FALSE(b.leads());
    }

    std::unique_ptr<FakeApiServer> server{new FakeApiServer(io, time, hangups)};
    kubernetes::ApiClient api{time, server->access()};
    int changes_a = 0;  // elections and losses that were told
    int changes_b = 0;
    Leadership a = make("a", "10.0.0.1:8014", changes_a);
    Leadership b = make("b", "10.0.0.2:8014", changes_b);
};

}  // namespace

TEST_CASE_METHOD(Fixture, "leadership: the first one makes the Lease and renews it",
                 "[activator][standalone]") {
    a_leads();
    CHECK(changes_a == 1);
    CHECK(holder() == "a@10.0.0.1:8014");
    CHECK(spec()["leaseDurationSeconds"] == 15);
    CHECK(spec()["acquireTime"] == "2026-11-23T10:15:30.000000Z");
    pass(seconds(60));
    CHECK(a.leads());
    CHECK(changes_a == 1);
    CHECK(changes_b == 0);
    CHECK(spec()["acquireTime"] == "2026-11-23T10:15:30.000000Z");
    CHECK(spec()["renewTime"] == "2026-11-23T10:16:30.000000Z");
    // b wrote nothing, and knows where its reports go; a has nowhere to send its own.
    CHECK(server->writes(leases).size() == 31);
    REQUIRE(b.leader());
    CHECK(common::to_string(*b.leader()) == "10.0.0.1:8014");
    CHECK_FALSE(a.leader());
}

TEST_CASE_METHOD(Fixture, "leadership: one that dies is followed after the Lease's duration",
                 "[activator][standalone]") {
    a_leads();
    pass(seconds(4));
    a.stop();
    pass(seconds(14));
    CHECK_FALSE(b.leads());
    CHECK(holder() == "a@10.0.0.1:8014");
    pass(seconds(4));
    CHECK(b.leads());
    CHECK(changes_b == 1);
    CHECK(holder() == "b@10.0.0.2:8014");
    CHECK(spec()["leaseTransitions"] == 1);
}

TEST_CASE_METHOD(Fixture, "leadership: one that resigns is followed at once",
                 "[activator][standalone]") {
    a_leads();
    a.resign();
    CHECK_FALSE(a.leads());
    CHECK(changes_a == 2);
    rest();
    CHECK(holder().empty());
    pass(seconds(2));
    CHECK(b.leads());
    CHECK(holder() == "b@10.0.0.2:8014");
    // It stands for no more, and still follows who leads: its last requests are reported there.
    pass(seconds(2));
    REQUIRE(a.leader());
    CHECK(common::to_string(*a.leader()) == "10.0.0.2:8014");
    b.stop();
    pass(seconds(60));
    CHECK_FALSE(a.leads());
    CHECK(changes_a == 2);
}

TEST_CASE_METHOD(Fixture, "leadership: resigning without having led writes nothing",
                 "[activator][standalone]") {
    a_leads();
    const auto before = server->writes(leases).size();
    b.resign();
    rest();
    CHECK(server->writes(leases).size() == before);
    CHECK(a.leads());
    CHECK(changes_b == 0);
}

TEST_CASE_METHOD(Fixture, "leadership: an API server that is away ends it by our own clock",
                 "[activator][standalone]") {
    a_leads();
    pass(seconds(4));
    server->go_away();
    pass(seconds(9));
    CHECK(a.leads());  // a short absence costs nothing
    pass(seconds(1));
    CHECK_FALSE(a.leads());
    CHECK(changes_a == 2);
    pass(seconds(60));
    CHECK_FALSE(b.leads());  // nobody can write: nobody leads
    server->come_back();
    // The Lease is still a's by name. Whoever writes first has it, and only one does.
    pass(seconds(20));
    CHECK(a.leads() != b.leads());
    CHECK(holder() == (a.leads() ? "a@10.0.0.1:8014" : "b@10.0.0.2:8014"));
}

TEST_CASE_METHOD(Fixture, "leadership: an API server that does not answer ends it as soon",
                 "[activator][standalone]") {
    a_leads();
    pass(seconds(4));  // the last good write
    server->fall_silent();
    for (int half = 0; half < 19; ++half)
        time.advance(milliseconds(500));
    CHECK(a.leads());
    time.advance(milliseconds(500));
    CHECK_FALSE(a.leads());
    CHECK(changes_a == 2);
    server->go_away();
    server->come_back();
    pass(seconds(20));
    CHECK(a.leads() != b.leads());
}

TEST_CASE_METHOD(Fixture, "leadership: without the right to write nobody leads",
                 "[activator][standalone]") {
    server->refused["POST " + leases] = 403;
    a.start();
    pass(seconds(10));
    CHECK_FALSE(a.leads());
    CHECK(changes_a == 0);
    server->refused.clear();
    pass(seconds(2));
    CHECK(a.leads());
    // It is taken away from one that leads.
    server->refused["PUT " + lease] = 403;
    pass(seconds(12));
    CHECK_FALSE(a.leads());
    CHECK(changes_a == 2);
}

TEST_CASE_METHOD(Fixture, "leadership: of two who find the Lease free one gets it",
                 "[activator][standalone]") {
    server->put(lease, {{"metadata", {{"name", "sluice-activator"}}},
                        {"spec", {{"holderIdentity", ""}, {"leaseDurationSeconds", 1}}}});
    a.start();
    b.start();
    rest();
    CHECK(a.leads() != b.leads());
    CHECK(changes_a + changes_b == 1);
    CHECK(server->writes(leases).size() == 2);  // both tried
    pass(seconds(20));
    CHECK(a.leads() != b.leads());
    CHECK(changes_a + changes_b == 1);
}

TEST_CASE_METHOD(Fixture, "leadership: somebody else who holds the Lease is believed at once",
                 "[activator][standalone]") {
    a_leads();
    json taken = server->object(lease);
    taken["spec"]["holderIdentity"] = "b@10.0.0.2:8014";
    server->put(lease, taken);
    pass(seconds(2));
    CHECK_FALSE(a.leads());
    CHECK(changes_a == 2);
}

}  // namespace activator::standalone
