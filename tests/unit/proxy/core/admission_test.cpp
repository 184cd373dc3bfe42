// Contract queue-proxy 3.6.4, rows 25-36, issue 3 (true limit, control lane, refuse), issue 4.7
// (reservations).
#include "proxy/core/admission.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include <catch2/catch.hpp>

using namespace proxy;
using namespace std::chrono_literals;
using Kind = AdmissionAction::Kind;

namespace {

constexpr Instant at(Duration since_start) {
    return Instant(since_start);
}

AdmissionRequest app(std::uint64_t id) {
    return {.id = {id}};
}

AdmissionRequest trying(std::uint64_t id, std::uint64_t activator = 0) {
    return {.id = {id}, .when_full = WhenFull::refuse, .activator = {activator}};
}

AdmissionRequest control(std::uint64_t id) {
    return {.id = {id}, .lane = Lane::control};
}

// "start 1, grant 2, lapse 3", and clears.
std::string taken(Admission& admission) {
    std::string out;
    for (const AdmissionAction& action : admission.actions()) {
        if (!out.empty()) out += ", ";
        switch (action.kind) {
            case Kind::start:
                out += "start " + std::to_string(action.request.value);
                break;
            case Kind::grant:
                out += "grant " + std::to_string(action.reservation.value);
                break;
            case Kind::lapse:
                out += "lapse " + std::to_string(action.reservation.value);
                break;
            case Kind::hold_expired:
                out += "expired " + std::to_string(action.request.value);
                break;
        }
    }
    admission.clear_actions();
    return out;
}

// True if `work` ends the process by abort (a CHECK).
template <class Work>
bool aborts(Work work) {
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // Catch's own handler would report a failed test
        (void)!std::freopen("/dev/null", "w", stderr);
        work();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace

TEST_CASE("admission: row 25, one runs, ten wait in order, the twelfth is refused",
          "[proxy][core]") {
    Admission admission(AdmissionLimits::of_container_concurrency(1), at(0s));
    REQUIRE(admission.arrive(app(1), at(0s)) == Verdict::admitted);
    for (std::uint64_t id = 2; id <= 11; ++id) {
        REQUIRE(admission.arrive(app(id), at(0s)) == Verdict::queued);
    }
    REQUIRE(admission.arrive(app(12), at(0s)) == Verdict::refused);
    REQUIRE(admission.arrive(app(13), at(1s)) == Verdict::refused);
    for (std::uint64_t id = 1; id <= 10; ++id) {
        admission.release({id}, at(2s));
        CHECK(taken(admission) == "start " + std::to_string(id + 1));
        admission.check_invariants();
    }
    admission.release({11}, at(3s));
    CHECK(admission.counts().running == 0);
    CHECK(taken(admission).empty());
}

TEST_CASE("admission: row 26, after one of two ends a new one is accepted", "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 1}, at(0s));
    CHECK(admission.arrive(app(1), at(0s)) == Verdict::admitted);
    CHECK(admission.arrive(app(2), at(0s)) == Verdict::queued);
    CHECK(admission.arrive(app(3), at(0s)) == Verdict::refused);
    admission.release({1}, at(1s));
    CHECK(taken(admission) == "start 2");
    CHECK(admission.arrive(app(4), at(1s)) == Verdict::queued);
}

TEST_CASE("admission: rows 28 and 33, a waiter that leaves frees its place and never starts",
          "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 1}, at(0s));
    admission.arrive(app(1), at(0s));
    admission.arrive(app(2), at(0s));
    CHECK(admission.abandon({2}, at(1s)));
    CHECK_FALSE(admission.abandon({2}, at(1s)));
    CHECK(admission.arrive(app(3), at(1s)) == Verdict::queued);
    admission.release({1}, at(2s));
    CHECK(taken(admission) == "start 3");
    // The grant won: it runs now, and has to be released.
    CHECK_FALSE(admission.abandon({3}, at(2s)));
    CHECK(admission.counts().running == 1);
}

TEST_CASE("admission: row 29, a release without a slot is a programming error", "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 1}, at(0s));
    admission.arrive(app(1), at(0s));
    admission.arrive(app(2), at(0s));
    CHECK(aborts([&] { admission.release({7}, at(1s)); }));
    CHECK(aborts([&] { admission.release({2}, at(1s)); }));
    CHECK(aborts([&] { admission.hold({7}, 1s, at(1s)); }));
    CHECK(aborts([&] { admission.arrive(app(1), at(1s)); }));
    CHECK_FALSE(aborts([&] { admission.release({1}, at(1s)); }));
}

TEST_CASE("admission: row 30, limits come from containerConcurrency", "[proxy][core]") {
    CHECK(AdmissionLimits::of_container_concurrency(3).concurrency == 3);
    CHECK(AdmissionLimits::of_container_concurrency(3).queue_depth == 30);
    for (const std::int64_t none : {0, -1, -100}) {
        CHECK(AdmissionLimits::of_container_concurrency(none).concurrency == 0);
    }
    CHECK(AdmissionLimits::of_container_concurrency(INT32_MAX).queue_depth ==
          std::size_t{10} * INT32_MAX);
}

TEST_CASE("admission: row 32, without a limit a thousand run and none waits", "[proxy][core]") {
    Admission admission(AdmissionLimits::of_container_concurrency(-1), at(0s));
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        CHECK(admission.arrive(id % 2 == 0 ? app(id) : trying(id), at(0s)) == Verdict::admitted);
    }
    CHECK(admission.counts().running == 1000);
    CHECK(admission.reserve({.id = {1}, .activator = {1}}, at(0s)) == ReserveVerdict::granted);
    CHECK(admission.counts().granted == 0);
    CHECK(admission.next_deadline() == Instant::max());
    CHECK(admission.account(at(2s)).busy == 2000);
    CHECK(admission.account(at(2s)).idle == 0);
    admission.check_invariants();
}

TEST_CASE("admission: row 36 (deviation D7), a held request keeps its slot until it is released",
          "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10}, at(0s));
    admission.arrive(app(1), at(0s));
    admission.arrive(app(2), at(0s));
    admission.hold({1}, 10s, at(2s));
    CHECK(admission.counts().held == 1);
    CHECK(admission.counts().running == 0);
    CHECK(admission.arrive(trying(3), at(2s)) == Verdict::refused);
    CHECK(taken(admission).empty());
    admission.release({1}, at(6s));
    CHECK(taken(admission) == "start 2");
    CHECK(admission.counts().held == 0);
    CHECK(admission.next_deadline() == Instant::max());
}

TEST_CASE("admission: a hold that lasts too long is told once and still keeps its slot",
          "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10}, at(0s));
    admission.arrive(app(1), at(0s));
    admission.arrive(app(2), at(0s));
    admission.hold({1}, 10s, at(2s));
    admission.hold({1}, 1s, at(3s));  // already held: its time runs on
    REQUIRE(admission.next_deadline() == at(12s));
    admission.tick(at(12s) - 1ns);
    CHECK(taken(admission).empty());
    admission.tick(at(12s));
    CHECK(taken(admission) == "expired 1");
    admission.tick(at(20s));
    CHECK(taken(admission).empty());
    CHECK(admission.next_deadline() == Instant::max());
    CHECK(admission.counts().held == 1);
    admission.release({1}, at(20s));
    CHECK(taken(admission) == "start 2");
}

TEST_CASE("admission: a hold without a bound has no deadline", "[proxy][core]") {
    Admission admission({.concurrency = 1}, at(1s));
    admission.arrive(app(1), at(1s));
    admission.hold({1}, Duration::max(), at(2s));
    CHECK(admission.next_deadline() == Instant::max());
    admission.check_invariants();
}

TEST_CASE("admission: a request that will not wait gets a free slot or a refusal",
          "[proxy][core]") {
    Admission admission({.concurrency = 2, .queue_depth = 20}, at(0s));
    CHECK(admission.arrive(trying(1), at(0s)) == Verdict::admitted);
    CHECK(admission.arrive(trying(2), at(0s)) == Verdict::admitted);
    CHECK(admission.arrive(trying(3), at(0s)) == Verdict::refused);
    CHECK(admission.counts().waiting == 0);
    // It does not overtake who waits, at the very instant of a release either.
    CHECK(admission.arrive(app(4), at(0s)) == Verdict::queued);
    admission.release({1}, at(1s));
    CHECK(admission.arrive(trying(5), at(1s)) == Verdict::refused);
    CHECK(taken(admission) == "start 4");
}

TEST_CASE("admission: the control lane has a limit of its own and never waits", "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10, .control = 2}, at(0s));
    admission.arrive(app(1), at(0s));
    CHECK(admission.arrive(control(2), at(0s)) == Verdict::admitted);
    CHECK(admission.arrive(control(3), at(0s)) == Verdict::admitted);
    CHECK(admission.arrive(control(4), at(0s)) == Verdict::refused);
    CHECK(admission.counts().control == 2);
    CHECK(admission.counts().running == 1);
    admission.hold({2}, 1s, at(0s));  // no slot, nothing to hold
    CHECK(admission.counts().held == 0);
    admission.release({2}, at(1s));
    CHECK(admission.arrive(control(5), at(1s)) == Verdict::admitted);
    admission.release({1}, at(2s));
    CHECK(admission.account(at(3s)).busy == 2);
    admission.check_invariants();
}

TEST_CASE("admission: a freed slot is kept for the oldest reservation's activator",
          "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10}, at(0s));
    admission.arrive(trying(1), at(10s));
    CHECK(admission.reserve({.id = {1}, .activator = {7}, .request_time = at(9s)}, at(11s)) ==
          ReserveVerdict::waiting);
    CHECK(admission.reserve({.id = {2}, .activator = {8}, .request_time = at(8s)}, at(12s)) ==
          ReserveVerdict::waiting);
    admission.release({1}, at(13s));
    REQUIRE(admission.actions().size() == 1);
    CHECK(admission.actions()[0].activator == ActivatorId{8});
    CHECK(admission.actions()[0].until == at(14s));
    CHECK(taken(admission) == "grant 2");
    // Nobody else gets it.
    CHECK(admission.arrive(trying(2, 7), at(13s)) == Verdict::refused);
    CHECK(admission.arrive(trying(3), at(13s)) == Verdict::refused);
    CHECK(admission.arrive(trying(4, 8), at(13500ms)) == Verdict::admitted);
    CHECK(admission.counts().granted == 0);
    admission.release({4}, at(15s));
    CHECK(taken(admission) == "grant 1");
}

TEST_CASE("admission: an unused grant lapses and passes on", "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10}, at(0s));
    admission.arrive(app(1), at(0s));
    admission.reserve({.id = {1}, .activator = {7}, .request_time = at(0s)}, at(0s));
    admission.reserve({.id = {2}, .activator = {8}, .request_time = at(0s)}, at(0s));
    CHECK(admission.arrive(app(2), at(1s)) == Verdict::queued);
    admission.release({1}, at(2s));
    CHECK(taken(admission) == "grant 1");
    REQUIRE(admission.next_deadline() == at(3s));
    admission.tick(at(3s) - 1ns);
    CHECK(taken(admission).empty());
    admission.tick(at(3s));
    CHECK(taken(admission) == "lapse 1, grant 2");
    // A late caller does not find a slot any more; the next lapse gives it to the queue.
    CHECK(admission.arrive(trying(3, 7), at(3500ms)) == Verdict::refused);
    CHECK(admission.arrive(trying(4, 8), at(4s)) == Verdict::refused);
    CHECK(taken(admission) == "lapse 2, start 2");
}

TEST_CASE("admission: requests in line and reservations are served by request time",
          "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10}, at(0s));
    admission.arrive(app(1), at(0s));
    admission.arrive(app(2), at(2s));
    admission.reserve({.id = {1}, .activator = {7}, .request_time = at(3s)}, at(4s));
    admission.arrive(app(3), at(4s));
    admission.reserve({.id = {2}, .activator = {7}, .request_time = at(1s)}, at(5s));
    // From the future: counts as now, behind those that wait already.
    admission.reserve({.id = {3}, .activator = {7}, .request_time = at(99s)}, at(5s));
    admission.arrive(app(4), at(5s));
    std::string order;
    std::uint64_t running = 1;
    for (int i = 0; i < 6; ++i) {
        admission.release({running}, at(6s));
        const AdmissionAction action = admission.actions()[0];
        order += taken(admission) + "; ";
        running = action.request.value;
        if (action.kind == Kind::grant) {
            running = 100 + static_cast<std::uint64_t>(i);
            REQUIRE(admission.arrive(trying(running, 7), at(6s)) == Verdict::admitted);
        }
    }
    CHECK(order == "grant 2; start 2; grant 1; start 3; grant 3; start 4; ");
}

TEST_CASE("admission: a reservation with a free slot is granted at once, and once",
          "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10}, at(0s));
    CHECK(admission.reserve({.id = {1}, .activator = {7}}, at(0s)) == ReserveVerdict::granted);
    CHECK(admission.reserve({.id = {1}, .activator = {7}}, at(500ms)) == ReserveVerdict::granted);
    CHECK(admission.counts().granted == 1);
    CHECK(admission.next_deadline() == at(1s));  // asking again does not lengthen it
    CHECK(admission.actions().empty());
    CHECK(admission.arrive(app(1), at(500ms)) == Verdict::queued);
    CHECK(admission.cancel({1}, at(600ms)));
    CHECK(taken(admission) == "start 1");
    CHECK_FALSE(admission.cancel({1}, at(600ms)));
}

TEST_CASE("admission: a waiting reservation of a dead activator is dropped unless renewed",
          "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10}, at(0s));
    admission.arrive(app(1), at(0s));
    admission.reserve({.id = {1}, .activator = {7}, .expires = at(1s)}, at(0s));
    admission.reserve({.id = {2}, .activator = {8}, .expires = at(1s)}, at(0s));
    CHECK(admission.reserve({.id = {2}, .activator = {8}, .expires = at(3s)}, at(500ms)) ==
          ReserveVerdict::waiting);
    REQUIRE(admission.next_deadline() == at(1s));
    admission.tick(at(1s));
    CHECK(taken(admission) == "lapse 1");
    admission.release({1}, at(2s));
    CHECK(taken(admission) == "grant 2");
    admission.check_invariants();
}

TEST_CASE("admission: reservations are bounded and can be taken back", "[proxy][core]") {
    Admission admission({.concurrency = 1, .queue_depth = 10, .reservations = 2}, at(0s));
    admission.arrive(app(1), at(0s));
    CHECK(admission.reserve({.id = {1}, .activator = {7}}, at(0s)) == ReserveVerdict::waiting);
    CHECK(admission.reserve({.id = {2}, .activator = {7}}, at(0s)) == ReserveVerdict::waiting);
    CHECK(admission.reserve({.id = {3}, .activator = {7}}, at(0s)) == ReserveVerdict::refused);
    CHECK(admission.cancel({1}, at(0s)));
    CHECK(admission.reserve({.id = {3}, .activator = {7}}, at(0s)) == ReserveVerdict::waiting);
    CHECK(admission.counts().reserved == 2);
    // Reservations take no place in the requests' queue.
    for (std::uint64_t id = 2; id <= 11; ++id) {
        CHECK(admission.arrive(app(id), at(0s)) == Verdict::queued);
    }
}

TEST_CASE("admission: the account adds up to slots times time", "[proxy][core]") {
    Admission admission({.concurrency = 2, .queue_depth = 20}, at(0s));
    admission.arrive(app(1), at(1s));
    admission.arrive(app(2), at(2s));
    admission.arrive(app(3), at(3s));
    admission.hold({1}, 100s, at(4s));
    admission.release({1}, at(7s));
    admission.release({3}, at(8s));
    CHECK(admission.reserve({.id = {1}, .activator = {7}}, at(8s)) == ReserveVerdict::granted);
    admission.tick(at(9s));
    const SlotAccount account = admission.account(at(10s));
    CHECK(account.busy == Approx(3 + 8 + 1));
    CHECK(account.held == Approx(3));
    CHECK(account.granted == Approx(1));
    CHECK(account.idle == Approx(4));
    CHECK(account.waiting == Approx(4));
    CHECK(account.busy + account.held + account.granted + account.idle == Approx(2 * 10));
}
