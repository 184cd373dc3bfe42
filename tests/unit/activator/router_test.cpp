// The scheduler's shell: tickets, wakes, detached slots, removal at every point, the shared bound.
#include "activator/router.hpp"

#include <catch2/catch.hpp>

#include "tests/support/shell_fixture.hpp"

namespace activator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Fixture : common::ShellFixture {
    explicit Fixture(Limits bounds = {}) : router(time, io.get_executor(), bounds) {
        router.on_wake([this](RevisionId) { ++wakes; });
        router.on_unreachable([this](PodId pod) { doubted.push_back(pod); });
    }
    RevisionId add_revision(std::uint32_t concurrency = 1) {
        Revision revision;
        revision.name_space = "default";
        revision.service = "sd";
        revision.name = "sd-00001";
        revision.concurrency = concurrency;
        id = router.add_revision(std::move(revision));
        return id;
    }
    PodId add_ready_pod(const std::string& name) {
        const PodId pod = router.add_pod(id, name, {"127.0.0.1", 1, {}});
        router.set_pod_ready(pod, true);
        return pod;
    }
    Ticket& arrive(std::optional<PodId> pinned = {}, std::size_t bytes = 100,
                   std::optional<std::uint64_t> key = {}, bool control = false) {
        tickets.push_back(std::make_unique<Ticket>(io.get_executor()));
        Ticket& ticket = *tickets.back();
        ticket.revision = id;
        ticket.key = key;
        ticket.control = control;
        last = router.arrive(ticket, pinned, bytes);
        return ticket;
    }

    Router router;
    RevisionId id;
    Refusal last = Refusal::none;
    std::vector<std::unique_ptr<Ticket>> tickets;
    std::vector<PodId> doubted;
    int wakes = 0;
};

using State = Ticket::State;

TEST_CASE("router: a ticket waits, is assigned, and ends", "[activator]") {
    Fixture f;
    f.add_revision();
    Ticket& a = f.arrive();
    CHECK(a.state == State::waiting);
    const PodId pod = f.add_ready_pod("a");
    CHECK(a.state == State::assigned);
    CHECK(a.pod == pod);
    Ticket& b = f.arrive();
    CHECK(b.state == State::waiting);
    f.router.finish(a, Outcome::done);
    CHECK(a.state == State::ended);
    CHECK(b.state == State::assigned);
    f.router.finish(b, Outcome::done);
    CHECK(f.router.view(f.id).running == 0);
}

TEST_CASE("router: many requests in one turn wake the autoscaler once", "[activator]") {
    Fixture f;
    f.add_revision();
    for (int i = 0; i < 5; ++i)
        f.arrive();
    CHECK(f.wakes == 0);
    f.time.settle();
    CHECK(f.wakes == 1);
    f.arrive();
    f.time.settle();
    CHECK(f.wakes == 2);
    for (const auto& ticket : f.tickets)
        CHECK(f.router.abandon(*ticket));
}

TEST_CASE("router: the wait is booked as cold or queued", "[activator]") {
    Fixture f;
    f.add_revision();
    Ticket& a = f.arrive();
    Ticket& b = f.arrive();
    f.time.advance(seconds(3));
    f.add_ready_pod("a");
    CHECK(a.waited_cold == seconds(3));
    CHECK(a.waited_queued == Duration::zero());
    f.time.advance(seconds(2));
    f.router.finish(a, Outcome::done);
    CHECK(b.waited_cold == seconds(3));
    CHECK(b.waited_queued == seconds(2));
    Ticket& c = f.arrive();
    f.time.advance(seconds(1));
    CHECK(f.router.abandon(c));
    CHECK(c.waited_queued == seconds(1));
    f.router.finish(b, Outcome::done);
}

TEST_CASE("router: a detached slot stays taken until its end", "[activator]") {
    Fixture f;
    f.add_revision();
    f.add_ready_pod("a");
    Ticket& a = f.arrive();
    Ticket& b = f.arrive();
    const Router::Detached held = f.router.detach(a);
    CHECK(a.state == State::ended);
    CHECK(b.state == State::waiting);
    CHECK(f.router.view(f.id).running == 1);
    f.router.finish_detached(held);
    CHECK(b.state == State::assigned);
    f.router.finish(b, Outcome::done);
}

TEST_CASE("router: a detached slot may end after its pod and its revision", "[activator]") {
    Fixture f;
    f.add_revision();
    const PodId pod = f.add_ready_pod("a");
    Ticket& a = f.arrive();
    const Router::Detached held = f.router.detach(a);
    f.router.remove_pod(pod);
    const bool whole = GENERATE(false, true);
    if (whole) f.router.remove_revision(f.id);
    f.router.finish_detached(held);
    CHECK(f.router.view(f.id).running == 0);
}

TEST_CASE("router: removal of a revision expires who waits and keeps what runs", "[activator]") {
    Fixture f;
    f.add_revision();
    f.add_ready_pod("a");
    Ticket& runs = f.arrive();
    Ticket& waits = f.arrive();
    const std::shared_ptr<const Revision> revision = f.router.revision(f.id);
    f.router.remove_revision(f.id);
    CHECK(waits.state == State::expired);
    CHECK(waits.cause == ExpiryCause::revision_removed);
    CHECK(runs.state == State::assigned);
    CHECK(f.router.pod(runs.pod) == nullptr);
    CHECK(f.router.revision(f.id) == nullptr);
    CHECK(revision->service == "sd");  // whoever holds it may go on reading
    const Outcome outcome = GENERATE(Outcome::done, Outcome::failed, Outcome::refused);
    f.router.finish(runs, outcome);
    const bool ended = outcome != Outcome::refused;
    CHECK(runs.state == (ended ? State::ended : State::expired));
    Ticket& late = f.arrive();
    CHECK(f.last == Refusal::unknown_revision);
    CHECK(late.state == State::ended);
}

TEST_CASE("router: refused goes back to its place and to another pod", "[activator]") {
    Fixture f;
    f.add_revision();
    const PodId a = f.add_ready_pod("a");
    Ticket& first = f.arrive();
    Ticket& second = f.arrive();
    f.router.finish(first, Outcome::refused);
    CHECK(first.state == State::waiting);
    CHECK(f.doubted.empty());
    const PodId b = f.add_ready_pod("b");
    CHECK(first.state == State::assigned);  // before the second, which came later
    CHECK(first.pod == b);
    CHECK(second.state == State::waiting);
    f.time.advance(milliseconds(60));  // the back-off's end
    CHECK(second.state == State::assigned);
    CHECK(second.pod == a);
    f.router.finish(first, Outcome::done);
    f.router.finish(second, Outcome::done);
}

TEST_CASE("router: a pod that fails is put in doubt", "[activator]") {
    Fixture f;
    f.add_revision();
    const PodId a = f.add_ready_pod("a");
    Ticket& ticket = f.arrive();
    SECTION("unreachable: waits again") {
        f.router.finish(ticket, Outcome::unreachable);
        CHECK(ticket.state == State::waiting);
        CHECK(f.router.abandon(ticket));
    }
    SECTION("failed: over") {
        f.router.finish(ticket, Outcome::failed);
        CHECK(ticket.state == State::ended);
    }
    SECTION("lost, to run again: waits") {
        f.router.requeue(ticket);
        CHECK(ticket.state == State::waiting);
        CHECK(f.router.abandon(ticket));
    }
    CHECK(f.doubted == std::vector<PodId>{a});
}

TEST_CASE("router: a pod that leaves while its request waits or runs", "[activator]") {
    Fixture f;
    f.add_revision();
    const PodId a = f.add_ready_pod("a");
    Ticket& runs = f.arrive();
    Ticket& pinned = f.arrive(a);
    f.router.remove_pod(a);
    CHECK_FALSE(f.router.find_pod(f.id, pod_tag("default/sd", "a")));
    const PodId b = f.add_ready_pod("b");
    CHECK(pinned.state == State::assigned);
    CHECK(pinned.pod == b);
    f.router.finish(runs, Outcome::done);
    f.router.finish(pinned, Outcome::done);
    CHECK(f.router.pods(f.id).size() == 1);
}

TEST_CASE("router: a pod that returns is busy with what it has not finished", "[activator]") {
    Fixture f;
    f.add_revision();
    const PodId a = f.add_ready_pod("a");
    Ticket& old = f.arrive();
    const PodId b = f.add_ready_pod("b");
    f.router.remove_pod(a);
    REQUIRE(f.add_ready_pod("a") == a);
    const std::vector<const Pod*> pods = f.router.pods(f.id);
    REQUIRE(pods.size() == 2);
    CHECK(pods.front()->id == a);  // oldest first
    CHECK(pods.back()->id == b);
    Ticket& next = f.arrive();
    CHECK(next.pod == b);
    Ticket& third = f.arrive();
    CHECK(third.state == State::waiting);
    f.router.finish(old, Outcome::done);
    CHECK(third.pod == a);
    f.router.finish(third, Outcome::done);
    f.router.remove_pod(a);
    CHECK(f.add_ready_pod("a") != a);  // nothing was left of it
    f.router.finish(next, Outcome::done);
}

TEST_CASE("router: budgets expire by the clock", "[activator]") {
    Fixture f;
    f.add_revision();
    Ticket& cold = f.arrive();
    f.time.advance(seconds(600));
    CHECK(cold.state == State::expired);
    CHECK(cold.cause == ExpiryCause::cold_start_timeout);
    f.add_ready_pod("a");
    Ticket& runs = f.arrive();
    Ticket& queued = f.arrive();
    f.time.advance(seconds(300));
    CHECK(queued.cause == ExpiryCause::queue_timeout);
    f.router.finish(runs, Outcome::done);
}

TEST_CASE("router: new limits apply to those who wait", "[activator]") {
    Fixture f;
    f.add_revision();
    f.add_ready_pod("a");
    Ticket& a = f.arrive();
    Ticket& b = f.arrive();
    Revision revision = *f.router.revision(f.id);
    revision.concurrency = 2;
    f.router.update_revision(f.id, std::move(revision));
    CHECK(b.state == State::assigned);
    CHECK(f.router.revision(f.id)->concurrency == 2);
    f.router.finish(a, Outcome::done);
    f.router.finish(b, Outcome::done);
}

TEST_CASE("router: concurrency is waiting and running, without the control lane", "[activator]") {
    Fixture f;
    f.add_revision();
    f.add_ready_pod("a");
    Ticket& a = f.arrive();
    Ticket& b = f.arrive();
    Ticket& control = f.arrive({}, 100, {}, true);
    CHECK(control.state == State::assigned);
    f.time.advance(seconds(1));
    const common::RequestStats::Report report = f.router.report(f.id);
    CHECK(report.average_concurrency == 2);
    CHECK(report.requests == 2);
    f.router.abandon(b);
    f.router.finish(a, Outcome::done);
    f.router.finish(control, Outcome::done);
    f.router.report(f.id);
    f.time.advance(seconds(1));
    CHECK(f.router.report(f.id).average_concurrency == 0);
}

TEST_CASE("router: kept bodies and waiting requests share one bound", "[activator]") {
    Limits limits;
    limits.queue_bytes = 1000;
    Fixture f(limits);
    f.add_revision();
    CHECK(f.router.take_replay_bytes(400));
    CHECK_FALSE(f.router.take_replay_bytes(101));  // at most half of all
    CHECK(f.router.take_replay_bytes(100));
    Ticket& a = f.arrive({}, 500);
    CHECK(f.last == Refusal::none);
    f.arrive({}, 1);
    CHECK(f.last == Refusal::bytes_full);
    f.router.return_replay_bytes(500);
    Ticket& b = f.arrive({}, 500);
    CHECK(f.last == Refusal::none);
    f.router.abandon(a);
    f.router.abandon(b);
}

TEST_CASE("router: a header-named session stays where it is at work", "[activator]") {
    Fixture f;
    f.add_revision();
    CHECK_FALSE(f.router.pod_of_key(f.id, 7));  // no pod is ready
    const PodId a = f.add_ready_pod("a");
    const PodId b = f.add_ready_pod("b");
    const PodId home = f.router.pod_of_key(f.id, 7).value();
    const PodId other = home == a ? b : a;
    Ticket& elsewhere = f.arrive(other, 100, 7);
    CHECK(elsewhere.pod == other);
    // Its control requests, and its next ones, follow it there.
    CHECK(f.router.pod_of_key(f.id, 7) == other);
    f.router.finish(elsewhere, Outcome::done);
    CHECK(f.router.pod_of_key(f.id, 7) == home);
    f.router.drain_pod(home);
    CHECK(f.router.pod_of_key(f.id, 7) == other);
    CHECK_FALSE(f.router.keeps_sessions(home));
}

TEST_CASE("router: a waiting request can be cancelled, a running one cannot", "[activator]") {
    Fixture f;
    f.add_revision();
    f.add_ready_pod("a");
    Ticket& runs = f.arrive();
    Ticket& waits = f.arrive();
    Ticket& next = f.arrive();
    CHECK_FALSE(f.router.cancel(runs.id));
    CHECK_FALSE(f.router.cancel(RequestId{999}));
    f.time.advance(seconds(3));
    CHECK(f.router.cancel(waits.id));
    CHECK(waits.state == State::cancelled);
    CHECK(waits.waited_queued == seconds(3));
    CHECK_FALSE(f.router.cancel(waits.id));
    f.router.finish(runs, Outcome::done);
    CHECK(next.state == State::assigned);
    f.router.finish(next, Outcome::done);
}

TEST_CASE("router: the page gets a part of the line, oldest first", "[activator]") {
    Fixture f;
    f.add_revision();
    for (int i = 0; i < 100; ++i)
        f.arrive();
    f.arrive({}, 100, {}, true);  // the control lane has no line
    const std::vector<const Ticket*> first = f.router.waiting(f.id, 0, 3);
    REQUIRE(first.size() == 3);
    for (std::size_t i = 0; i < first.size(); ++i)
        CHECK(first[i] == f.tickets[i].get());
    const std::vector<const Ticket*> last = f.router.waiting(f.id, 98, 50);
    REQUIRE(last.size() == 2);
    CHECK(last[1] == f.tickets[99].get());
    CHECK(f.router.waiting(f.id, 100, 5).empty());
    CHECK(f.router.waiting(f.id, SIZE_MAX, SIZE_MAX).empty());
    CHECK(f.router.waiting(RevisionId{77}, 0, 5).empty());
    for (const auto& ticket : f.tickets)
        f.router.abandon(*ticket);
}

TEST_CASE("router: the slot of a departed client's request counts as held", "[activator]") {
    Fixture f;
    f.add_revision();
    f.add_ready_pod("a");
    Ticket& ticket = f.arrive();
    f.time.advance(seconds(4));
    CHECK(f.router.running(f.id).size() == 1);
    const Router::Detached held = f.router.detach(ticket);
    f.time.advance(seconds(6));
    CHECK(f.router.slot_account(f.id).held_now == 1);
    CHECK(f.router.running(f.id).empty());
    f.router.finish_detached(held);
    f.time.advance(seconds(2));
    const SlotAccount account = f.router.slot_account(f.id);
    CHECK(account.busy == Approx(4));
    CHECK(account.held == Approx(6));
    CHECK(account.idle == Approx(2));
    CHECK(account.held_now == 0);
}

TEST_CASE("router: a lack of pods begins with the first request and ends with a ready pod",
          "[activator]") {
    Fixture f;
    f.add_revision();
    CHECK_FALSE(f.router.short_of_pods_since(f.id));
    Ticket& a = f.arrive();
    const Instant began = f.time.now();
    f.time.advance(seconds(3));
    Ticket& b = f.arrive();
    CHECK(f.router.short_of_pods_since(f.id) == began);
    f.add_ready_pod("a");
    CHECK_FALSE(f.router.short_of_pods_since(f.id));
    f.router.finish(a, Outcome::done);
    f.router.finish(b, Outcome::done);
}

}  // namespace
}  // namespace activator
