// What is counted of a revision: totals, cold starts, sessions, slot-seconds.
#include <catch2/catch.hpp>

#include "activator/cold_starts.hpp"
#include "activator/live_sessions.hpp"
#include "activator/totals.hpp"
#include "tests/unit/activator/core/scheduler_rig.hpp"

namespace activator {
namespace {

using namespace std::chrono_literals;
using Turned = RequestRecord::Turned;

const Instant start{1000s};

RequestRecord answered(int status, Duration wait, Duration run) {
    RequestRecord record;
    record.status = status;
    record.wait = wait;
    record.run = run;
    record.dispatches = 1;
    record.arrived = start;
    record.ended = start + wait + run;
    record.ended_by = RequestRecord::EndedBy::pod;
    return record;
}

}  // namespace

TEST_CASE("totals: waits, runs and whole answers each have their histogram", "[activator]") {
    RevisionTotals totals;
    totals.add(answered(200, 2s, 5s));
    totals.add(answered(502, 0s, 1s));
    CHECK(totals.wait.count() == 2);
    CHECK(totals.wait.sum() == Approx(2));
    CHECK(totals.run.sum() == Approx(6));
    CHECK(totals.response.sum() == Approx(8));
    CHECK(totals.classes[2] == 1);
    CHECK(totals.classes[5] == 1);
    RequestRecord control = answered(200, 0s, 1s);
    control.control = true;
    totals.add(control);
    CHECK(totals.controls == 1);
    CHECK(totals.wait.count() == 2);
}

TEST_CASE("totals: what the queue ended is told apart by its cause", "[activator]") {
    const auto [turned, status, refused, expired, cancelled] =
        GENERATE(table<Turned, int, unsigned, unsigned, unsigned>(
            {{Turned::queue_full, 503, 1U, 0U, 0U},
             {Turned::bytes_full, 503, 1U, 0U, 0U},
             {Turned::shutting_down, 503, 1U, 0U, 0U},
             {Turned::cold_start_timeout, 504, 0U, 1U, 0U},
             {Turned::queue_timeout, 504, 0U, 1U, 0U},
             {Turned::revision_removed, 504, 0U, 1U, 0U},
             {Turned::cancelled, 503, 0U, 0U, 1U}}));
    RevisionTotals totals;
    RequestRecord record = answered(status, 4s, 0s);
    record.dispatches = 0;
    record.ended_by = RequestRecord::EndedBy::queue;
    record.turned = turned;
    totals.add(record);
    CHECK(totals.refused() == refused);
    CHECK(totals.expired() == expired);
    CHECK(totals.cancelled() == cancelled);
    CHECK(totals.turned_by({turned}) == 1);
    CHECK(totals.run.count() == 0);
    const bool stood_in_line = turned != Turned::queue_full && turned != Turned::bytes_full;
    CHECK(totals.wait.count() == (stood_in_line ? 1 : 0));
}

TEST_CASE("totals: a client that left is counted by where its request was", "[activator]") {
    RevisionTotals totals;
    RequestRecord record = answered(0, 1s, 0s);
    record.ended_by = RequestRecord::EndedBy::client;
    record.dispatches = 0;
    totals.add(record);
    CHECK(totals.left_waiting == 1);
    record.left_pod = true;
    record.dispatches = 1;
    totals.add(record);
    CHECK(totals.left_running == 1);
    CHECK(totals.abandoned() == 2);
    CHECK(totals.response.count() == 0);
}

TEST_CASE("cold starts: each phase counts once, from the moment the pod was asked for",
          "[activator]") {
    ColdStarts starts;
    const PodId pod{7};
    starts.asked();
    starts.created(pod, start, start + 2s);
    starts.ready(pod, start + 60s);
    starts.ready(pod, start + 90s);  // it was in doubt, and is good again
    starts.first_byte(pod, start + 64s);
    starts.first_byte(pod, start + 99s);
    CHECK(starts.asked_count() == 1);
    CHECK(starts.pod_created_seconds().sum() == Approx(2));
    CHECK(starts.ready_seconds().count() == 1);
    CHECK(starts.ready_seconds().sum() == Approx(60));
    CHECK(starts.first_byte_seconds().count() == 1);
    CHECK(starts.first_byte_seconds().sum() == Approx(64));

    const PodId lost{8};
    starts.created(lost, start, start + 1s);
    starts.forget(lost);
    starts.ready(lost, start + 9s);
    starts.first_byte(lost, start + 9s);
    CHECK(starts.ready_seconds().count() == 1);
}

TEST_CASE("sessions: counted until their idle time is over, and moved with their pod",
          "[activator]") {
    LiveSessions sessions;
    const PodId a{1};
    const PodId b{2};
    sessions.note(11, 0, a, start, start + 10s);
    sessions.note(12, 0, a, start, start + 20s);
    sessions.note(11, 0, a, start, start + 30s);
    CHECK(sessions.count(start) == 2);
    CHECK(sessions.by_pod(start).at(a) == 2);
    sessions.note(21, 11, b, start, start + 30s);
    CHECK(sessions.by_pod(start).at(a) == 1);
    CHECK(sessions.by_pod(start).at(b) == 1);
    CHECK(sessions.count(start + 25s) == 1);
    CHECK(sessions.count(start + 30s) == 0);
}

TEST_CASE("sessions: no client can make the count grow without end", "[activator]") {
    LiveSessions sessions;
    for (std::uint64_t id = 1; id <= LiveSessions::sessions_max + 500; ++id)
        sessions.note(id, 0, PodId{1}, start, start + 10s);
    CHECK(sessions.count(start) == LiveSessions::sessions_max);
}

TEST_CASE("sessions: those that are over go, even if nobody asks how many there are",
          "[activator]") {
    LiveSessions sessions;
    std::uint64_t id = 0;
    for (int second = 0; second < 3600; ++second) {
        const Instant now = start + std::chrono::seconds(second);
        for (int i = 0; i < 100; ++i)
            sessions.note(++id, 0, PodId{1}, now, now + 60s);
    }
    CHECK(sessions.kept() <= std::size_t{62} * 100);
    CHECK(sessions.count(start + 3599s) == std::size_t{60} * 100);
}

TEST_CASE("scheduler: slot-seconds are exact, and back-off is not idle", "[activator]") {
    using scheduler_test::pod_id;
    using scheduler_test::rev;
    scheduler_test::Rig rig;
    rig.arrive(1);
    rig.wait(5s);  // nobody is there to be idle
    rig.ready('A');
    rig.ready('B');
    rig.wait(10s);  // A works, B is idle
    rig.arrive(2);
    rig.wait(2s);  // both work
    rig.finish(1);
    rig.wait(3s);  // B works, A is idle
    SlotSeconds seconds = rig.scheduler.slot_seconds(rev, rig.now);
    CHECK(seconds.running == Approx(10 + 2 * 2 + 3));
    CHECK(seconds.idle == Approx(10 + 3));
    rig.set_ready('A', false);
    rig.wait(100s);
    seconds = rig.scheduler.slot_seconds(rev, rig.now);
    CHECK(seconds.running == Approx(117));
    CHECK(seconds.idle == Approx(13));
}

}  // namespace activator
