// What activators say of their load, and that it adds up: two of them before the same pods.
#include "activator/standalone/load_reporter.hpp"

#include <deque>

#include <catch2/catch.hpp>

#include "activator/standalone/core/report_times.hpp"
#include "tests/support/shell_fixture.hpp"

namespace activator::standalone {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One activator with one revision and its pods of one slot.
struct Gate {
    Gate(common::ShellFixture& f, std::size_t pods, LoadReporter::Deliver deliver)
        : io(f.io),
          router(f.time, f.io.get_executor(), {}),
          reporter(router, f.time, std::move(deliver)) {
        Revision revision;
        revision.name_space = "default";
        revision.service = revision.name = "sd";
        revision.concurrency = 1;
        id = router.add_revision(std::move(revision));
        for (std::size_t i = 0; i < pods; ++i)
            router.set_pod_ready(
                router.add_pod(id, "pod-" + std::to_string(i), {"127.0.0.1", 1, {}}), true);
    }
    Ticket& arrive() {
        Ticket& ticket = tickets.emplace_back(io.get_executor());
        ticket.revision = id;
        router.arrive(ticket, {}, 100);
        return ticket;
    }

    boost::asio::io_context& io;
    Router router;
    LoadReporter reporter;
    RevisionId id;
    std::deque<Ticket> tickets;
};

struct Fixture : common::ShellFixture {
    explicit Fixture(std::size_t pods) {
        for (const char* name : {"a", "b"}) {
            gates.emplace_back(*this, pods, [this, name](const RevisionReports& reports) {
                for (const RevisionReport& report : reports) {
                    said.push_back(report.load);
                    book.report(name, report.name, report.load, time.now());
                }
            });
        }
    }
    void stop() {
        for (Gate& gate : gates)
            gate.reporter.stop();
    }
    LoadBook::Load present() const { return book.present("sd", time.now()); }

    LoadBook book;
    std::vector<LoadBook::Load> said;
    std::deque<Gate> gates;
};

TEST_CASE("load reporter: a client that goes from one activator to another counts once",
          "[activator][standalone]") {
    Fixture f(3);
    const Duration apart = milliseconds(GENERATE(0, 300, 700, 900));
    f.gates[0].reporter.start();
    f.time.advance(apart);
    f.gates[1].reporter.start();
    // Requests of three seconds, one after the other, here and there in turn; read as the leader
    // does.
    double most = 0;
    double sum = 0;
    int reads = 0;
    Ticket* ticket = nullptr;
    const Duration first_read = until_report(f.time.wall_now(), reports_settle);
    Instant next_read = f.time.now() + first_read;
    const Instant end = f.time.now() + seconds(60);
    for (int i = 0; f.time.now() < end; ++i) {
        Gate& gate = f.gates[i % 2 == 0 ? 0 : 1];
        ticket = &gate.arrive();
        const Instant done = f.time.now() + milliseconds(3010);
        for (; next_read < done; next_read += seconds(1)) {
            f.time.advance_to(next_read);
            const double average = *f.book.take("sd", f.time.now()).average;
            most = std::max(most, average);
            sum += average;
            ++reads;
        }
        f.time.advance_to(done);
        gate.router.finish(*ticket, Outcome::done);
    }
    CHECK(most <= 1.0 + 1e-9);
    CHECK(sum / reads > 0.97);
    f.stop();
}

TEST_CASE("load reporter: the end of a request is known before the next one can ask",
          "[activator][standalone]") {
    Fixture f(1);
    for (Gate& gate : f.gates)
        gate.reporter.start();
    Ticket& here = f.gates[0].arrive();
    f.time.settle();
    CHECK(f.present() == LoadBook::Load{0, 0, 1, 0});
    f.time.advance(milliseconds(330));
    f.gates[0].router.finish(here, Outcome::done);
    Ticket& there = f.gates[1].arrive();
    f.time.settle();
    CHECK(f.present().present == 2);  // for a moment
    f.time.advance(milliseconds(50));
    CHECK(f.present().present == 1);
    f.gates[1].router.finish(there, Outcome::done);
    f.stop();
}

TEST_CASE("load reporter: without a pod a request is told at once, with one if it goes on waiting",
          "[activator][standalone]") {
    Fixture f(1);
    Gate& gate = f.gates[0];
    gate.reporter.start();
    Ticket& runs = gate.arrive();
    f.time.advance(milliseconds(100));
    Ticket& soon_served = gate.arrive();
    f.time.settle();
    gate.router.finish(runs, Outcome::done);
    CHECK(soon_served.state == Ticket::State::assigned);
    f.time.advance(milliseconds(100));
    for (const LoadBook::Load& load : f.said)
        CHECK(load.waiting == 0);
    Ticket& waits = gate.arrive();
    f.time.advance(milliseconds(50));
    CHECK(f.present().waiting == 1);
    gate.router.finish(soon_served, Outcome::done);
    gate.router.finish(waits, Outcome::done);

    Fixture none(0);
    none.gates[0].reporter.start();
    Ticket& first = none.gates[0].arrive();
    none.time.settle();
    Ticket& second = none.gates[0].arrive();
    none.time.settle();
    CHECK(none.present() == LoadBook::Load{0, 0, 2, 2});
    CHECK(none.gates[0].router.abandon(first));
    CHECK(none.gates[0].router.abandon(second));
    none.stop();
    f.stop();
}

TEST_CASE("load reporter: who has nothing more to do says so once, and no timer is left but one",
          "[activator][standalone]") {
    Fixture f(1);
    Gate& gate = f.gates[0];
    gate.reporter.start();
    f.time.advance(seconds(3));
    CHECK(f.said.empty());
    Ticket& ticket = gate.arrive();
    f.time.advance(seconds(1));
    REQUIRE(f.said.size() == 2);
    CHECK(f.said[0] == LoadBook::Load{std::nullopt, 0, 1, 0});
    CHECK(f.said[1].average.value_or(0) > 0);
    CHECK(f.said[1].arrivals == 1);
    f.time.advance(seconds(1));
    CHECK(f.said.back() == LoadBook::Load{1, 0, 1, 0});
    gate.router.finish(ticket, Outcome::done);
    f.time.advance(seconds(3));
    CHECK(f.said.back() == LoadBook::Load{});
    const std::size_t said = f.said.size();
    f.time.advance(seconds(60));
    CHECK(f.said.size() == said);
    CHECK(f.time.armed() == 1);
    f.stop();
}

TEST_CASE("report times: whole seconds, and never twice in one", "[activator][standalone]") {
    const common::WallTime second{seconds(1'700'000'000)};
    CHECK(until_report(second, Duration::zero()) == seconds(1));
    CHECK(until_report(second + milliseconds(600), Duration::zero()) == milliseconds(400));
    CHECK(until_report(second - milliseconds(1), Duration::zero()) == milliseconds(1001));
    CHECK(until_report(second, reports_settle) == milliseconds(500));
    CHECK(until_report(second + milliseconds(499), reports_settle) == milliseconds(1001));
}

}  // namespace
}  // namespace activator::standalone
