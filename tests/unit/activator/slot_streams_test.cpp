// The activator's end of slot streams, between a router and scripted queue-proxies.
#include "activator/slot_streams.hpp"

#include <catch2/catch.hpp>

#include "tests/support/scripted_pod.hpp"
#include "tests/support/shell_fixture.hpp"

namespace activator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string upgrade_answer =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sluice-slots\r\n"
    "Sluice-Slots: 7\r\n\r\n";

struct Fixture : common::ShellFixture {
    Fixture() : router(time, io.get_executor(), {}), streams(tasks, time, router) {
        router.leave_reservations_with(&streams);
        Revision made;
        made.name_space = "default";
        made.service = "sd";
        made.name = "sd-00001";
        revision = router.add_revision(std::move(made));
        pod = router.add_pod(revision, "a", script.address());
        router.set_pod_ready(pod, true);
    }
    ~Fixture() {
        streams.close();
        router.close();
        common::run_until(io, [this] { return tasks.size() == 0; });
    }
    Ticket& arrive() {
        tickets.push_back(std::make_unique<Ticket>(io.get_executor()));
        tickets.back()->revision = revision;
        router.arrive(*tickets.back(), {}, 0);
        return *tickets.back();
    }
    void until(const std::function<bool()>& done) {
        REQUIRE(common::run_until(io, done));
        time.settle();
    }
    // What came after the upgrade's head, when `n` lines have come in all.
    std::string lines(std::size_t n) {
        until([&] { return said().size() > 0 || n == 0; });
        until([&] {
            const std::string all = said();
            return static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n')) >= n;
        });
        return said();
    }
    std::string said() {
        if (script.count() == 0) return "";
        const std::string& got = script[script.count() - 1].got;
        const std::size_t head = got.find("\r\n\r\n");
        return head == std::string::npos ? "" : got.substr(head + 4);
    }
    // A ticket that was refused, on a stream that is open and has said "want 1 0".
    Ticket& refused_once() {
        Ticket& ticket = arrive();
        router.finish(ticket, Outcome::refused);
        until([&] { return script.count() == 1 && script[0].got.ends_with("\r\n\r\n"); });
        script[0].say(upgrade_answer);
        CHECK(lines(1) == "want 1 0\n");
        return ticket;
    }

    Router router;
    SlotStreams streams;
    common::ScriptedPod script{io};
    RevisionId revision;
    PodId pod;
    std::vector<std::unique_ptr<Ticket>> tickets;
};

using State = Ticket::State;

TEST_CASE("slot streams: a refusal opens one, a grant sends the request", "[activator]") {
    Fixture f;
    Ticket& ticket = f.refused_once();
    CHECK(f.script[0].got.starts_with(
        "GET / HTTP/1.1\r\nHost: " + common::to_string(f.script.address()) +
        "\r\nConnection: Upgrade\r\nUpgrade: sluice-slots\r\n"
        "Sluice-Slots: open\r\n\r\n"));
    CHECK(f.router.pod_view(f.pod)->reserved);
    f.script[0].say("grant 1\n");
    f.until([&] { return ticket.state == State::assigned; });
    REQUIRE(ticket.grant);
    CHECK(ticket.grant->stream == 7);
    CHECK(ticket.grant->number == 1);
    ticket.grant.reset();  // it was sent
    f.router.finish(ticket, Outcome::done);
    f.time.settle();
    CHECK(f.said() == "want 1 0\n");
}

TEST_CASE("slot streams: more of them wait, and each grant is followed by the next want",
          "[activator]") {
    Fixture f;
    Ticket& first = f.refused_once();
    f.time.advance(milliseconds(20));
    Ticket& second = f.arrive();
    f.time.advance(milliseconds(10));
    f.script[0].say("grant 1\n");
    CHECK(f.lines(2) == "want 1 0\nwant 2 10000\n");
    CHECK(first.state == State::assigned);
    first.grant.reset();  // it was sent
    CHECK(second.state == State::waiting);
    CHECK(f.router.abandon(second));
    f.time.advance(milliseconds(1));
    CHECK(f.lines(3) == "want 1 0\nwant 2 10000\nnone 2\n");
    // It crossed the grant.
    f.script[0].say("grant 2\n");
    f.router.finish(first, Outcome::done);
    f.time.advance(milliseconds(100));
    CHECK(f.said() == "want 1 0\nwant 2 10000\nnone 2\n");
}

TEST_CASE("slot streams: a grant whose request ends unsent is given back", "[activator]") {
    Fixture f;
    Ticket& ticket = f.refused_once();
    f.script[0].say("grant 1\n");
    f.until([&] { return ticket.state == State::assigned; });
    const Outcome outcome = GENERATE(Outcome::done, Outcome::unreachable);
    f.router.finish(ticket, outcome);
    CHECK(f.lines(2) == "want 1 0\nnone 1\n");
    if (outcome == Outcome::unreachable) CHECK(f.router.abandon(ticket));
}

TEST_CASE("slot streams: a grant for a pod that is to get nothing is given back", "[activator]") {
    Fixture f;
    Ticket& ticket = f.refused_once();
    f.router.set_pod_ready(f.pod, false);
    f.script[0].say("grant 1\n");
    CHECK(f.lines(2) == "want 1 0\nnone 1\n");
    f.router.set_pod_ready(f.pod, true);
    f.time.advance(milliseconds(1));
    CHECK(f.lines(3).ends_with("want 2 1000\n"));
    CHECK(f.router.abandon(ticket));
}

TEST_CASE("slot streams: where none can be had, the pod backs off", "[activator]") {
    Fixture f;
    Ticket& ticket = f.arrive();
    SECTION("nobody listens") {
        f.script.stop_listening();
        f.router.finish(ticket, Outcome::refused);
    }
    SECTION("the other side does not know it") {
        f.router.finish(ticket, Outcome::refused);
        f.until([&] { return f.script.count() == 1 && !f.script[0].got.empty(); });
        f.script[0].say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    SECTION("it has too many") {
        f.router.finish(ticket, Outcome::refused);
        f.until([&] { return f.script.count() == 1 && !f.script[0].got.empty(); });
        f.script[0].say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    }
    SECTION("it does not answer") {
        f.router.finish(ticket, Outcome::refused);
        f.until([&] { return f.script.count() == 1 && !f.script[0].got.empty(); });
        f.time.advance(SlotStreams::open_timeout);
    }
    SECTION("it breaks") {
        f.router.finish(ticket, Outcome::refused);
        f.until([&] { return f.script.count() == 1 && !f.script[0].got.empty(); });
        f.script[0].say(upgrade_answer);
        f.lines(1);
        f.script[0].close();
    }
    SECTION("it says garbage") {
        f.router.finish(ticket, Outcome::refused);
        f.until([&] { return f.script.count() == 1 && !f.script[0].got.empty(); });
        f.script[0].say(upgrade_answer + "want 1 1\n");
    }
    f.until([&] { return f.router.pod_view(f.pod)->backing_off; });
    f.until([&] { return f.streams.size() == 0; });
    CHECK(ticket.state == State::waiting);
    f.time.advance(milliseconds(50));
    CHECK(ticket.state == State::assigned);
    CHECK_FALSE(ticket.grant);
    f.router.finish(ticket, Outcome::done);
}

TEST_CASE("slot streams: a reservation is renewed, and an unused stream closed", "[activator]") {
    Fixture f;
    Ticket& ticket = f.refused_once();
    f.time.advance(seconds(2));
    CHECK(f.lines(3) == "want 1 0\nwant 1 1000000\nwant 1 2000000\n");
    CHECK(f.router.abandon(ticket));
    f.time.advance(milliseconds(10));
    f.lines(4);
    CHECK(f.streams.size() == 1);
    f.time.advance(SlotWant::linger);
    f.until([&] { return f.streams.size() == 0; });
    CHECK(f.said().ends_with("none 1\n"));
    CHECK_FALSE(f.router.pod_view(f.pod)->backing_off);
}

TEST_CASE("slot streams: a pod that is removed takes its stream along", "[activator]") {
    Fixture f;
    Ticket& ticket = f.refused_once();
    f.router.remove_pod(f.pod);
    f.time.advance(milliseconds(1));
    f.until([&] { return f.script[0].ended; });
    f.until([&] { return f.streams.size() == 0; });
    CHECK(f.router.abandon(ticket));
}

TEST_CASE("slot streams: a pod hears of changes once a millisecond, and of the last one",
          "[activator]") {
    Fixture f;
    Ticket& first = f.refused_once();
    f.time.advance(milliseconds(2));
    Ticket& second = f.arrive();
    f.time.advance(milliseconds(2));
    Ticket& third = f.arrive();
    CHECK(f.router.abandon(first));
    f.time.settle();
    CHECK(f.lines(2) == "want 1 0\nwant 1 2000\n");
    CHECK(f.router.abandon(second));
    f.time.settle();
    CHECK(f.said() == "want 1 0\nwant 1 2000\n");
    f.time.advance(milliseconds(1));
    CHECK(f.lines(3) == "want 1 0\nwant 1 2000\nwant 1 1000\n");
    CHECK(f.router.abandon(third));
}

}  // namespace
}  // namespace activator
