// Slots, order, and pods that come and go. Rows are those of the activator contract, section 10.
#include <catch2/catch.hpp>

#include "tests/unit/activator/core/scheduler_rig.hpp"

using namespace scheduler_test;

TEST_CASE("scheduler: two pods of one slot take one request each, the third waits (row 14)",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    CHECK(rig.arrive(1) == Words{"1>A"});
    CHECK(rig.arrive(2) == Words{"2>B"});
    CHECK(rig.arrive(3) == Words{"wake"});
    CHECK(rig.view().waiting == 1);
    CHECK(rig.view().running == 2);
    CHECK(rig.finish(2) == Words{"3>B"});
}

TEST_CASE("scheduler: requests spread to the pod with the fewest in flight (rows 15, 16)",
          "[activator][core][scheduler]") {
    Rig rig(with_concurrency(5));
    for (char letter : {'A', 'B', 'C'})
        rig.ready(letter);
    CHECK(rig.arrive(1) == Words{"1>A"});
    CHECK(rig.arrive(2) == Words{"2>B"});
    CHECK(rig.arrive(3) == Words{"3>C"});
    rig.finish(2);
    CHECK(rig.arrive(4) == Words{"4>B"});
    CHECK(rig.arrive(5) == Words{"5>A"});
    CHECK(rig.view().slots_free == 11);
}

TEST_CASE("scheduler: without a limit nobody waits and pods share evenly (row 17)",
          "[activator][core][scheduler]") {
    Rig rig(with_concurrency(0));
    rig.ready('A');
    rig.ready('B');
    for (std::uint64_t id = 1; id <= 100; ++id)
        REQUIRE(rig.arrive(id).size() == 1);
    CHECK(rig.pod('A').in_flight == 50);
    CHECK(rig.pod('B').in_flight == 50);
    CHECK(rig.view().slots_free == SIZE_MAX);
    CHECK(rig.view().waiting == 0);
}

TEST_CASE(
    "scheduler: a request at zero wakes the autoscaler and starts when a pod is ready (row 18)",
    "[activator][core][scheduler]") {
    Rig rig;
    CHECK(rig.arrive(1) == Words{"wake"});
    rig.wait(2s);
    rig.scheduler.add_pod(rev, pod_id('A'), rig.now);
    CHECK(rig.words().empty());
    rig.scheduler.set_pod_ready(pod_id('A'), true, rig.now);
    const Action action = rig.scheduler.actions().front();
    CHECK(rig.words() == Words{"1>A"});
    CHECK(action.waited_cold == 2s);
    CHECK(action.waited_queued == 0s);
}

TEST_CASE("scheduler: equal pods are used oldest first, so the newest fall idle",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('C');
    rig.ready('A');
    rig.ready('B');
    CHECK(rig.arrive(1) == Words{"1>A"});
    CHECK(rig.arrive(2) == Words{"2>B"});
    rig.finish(1);
    CHECK(rig.arrive(3) == Words{"3>A"});
}

TEST_CASE("scheduler: who waits is served oldest first", "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    for (std::uint64_t id = 1; id <= 5; ++id)
        rig.arrive(id);
    for (std::uint64_t id = 1; id <= 4; ++id) {
        CHECK(rig.finish(id) == Words{std::to_string(id + 1) + ">A"});
    }
}

TEST_CASE("scheduler: removing a busy pod takes no slot from the others (row 23, E1)",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    rig.arrive(2);
    rig.finish(1);
    CHECK(rig.remove('B').empty());
    CHECK(rig.view().running == 1);
    CHECK(rig.pod('B').leaving);
    CHECK(rig.arrive(3) == Words{"3>A"});
    CHECK(rig.finish(2).empty());
    CHECK_FALSE(rig.scheduler.pod(pod_id('B')));
}

TEST_CASE("scheduler: a pod that returns is busy with what it had not finished (row 24, E2)",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);  // on A
    rig.remove('A');
    CHECK(rig.ready('A').empty());
    CHECK(rig.pod('A').in_flight == 1);
    CHECK(rig.arrive(2) == Words{"2>B"});
    CHECK(rig.arrive(3) == Words{"wake"});
    CHECK(rig.finish(1) == Words{"3>A"});
}

TEST_CASE("scheduler: a pod that returned and left again still counts its old request once",
          "[activator][core][scheduler]") {
    Rig rig(with_concurrency(2));
    rig.ready('A');
    rig.arrive(1);
    rig.remove('A');
    rig.ready('A');
    CHECK(rig.arrive(2) == Words{"2>A"});
    rig.remove('A');
    rig.ready('A');
    CHECK(rig.arrive(3) == Words{"wake"});
    CHECK(rig.finish(2) == Words{"3>A"});
    CHECK(rig.pod('A').in_flight == 2);
}

TEST_CASE("scheduler: a pod that refuses connections loses the request to another (row 25)",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    CHECK(rig.finish(1, Outcome::unreachable) == Words{"1>B"});
    CHECK(rig.pod('A').backing_off);
    CHECK(rig.view().slots_free == 0);
}

TEST_CASE("scheduler: who leaves the queue is never sent to a pod (rows 28, 29)",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    for (std::uint64_t id = 1; id <= 4; ++id)
        rig.arrive(id);
    CHECK(rig.abandon(3).empty());
    CHECK(rig.found);
    CHECK(rig.abandon(2).empty());
    CHECK(rig.finish(1) == Words{"4>A"});
    rig.abandon(4);
    CHECK_FALSE(rig.found);  // the assignment won
    rig.abandon(99);
    CHECK_FALSE(rig.found);
}

TEST_CASE("scheduler: beyond its limits the queue refuses and says which (row 30)",
          "[activator][core][scheduler]") {
    RevisionPolicy policy;
    policy.queue_limit = 3;
    Limits limits;
    limits.queue_bytes = 100;
    Rig rig(policy, limits);
    CHECK(rig.offer({RequestId{1}, rev, {}, 60, false}) == Refusal::none);
    CHECK(rig.offer({RequestId{2}, rev, {}, 41, false}) == Refusal::bytes_full);
    CHECK(rig.offer({RequestId{3}, rev, {}, 40, false}) == Refusal::none);
    CHECK(rig.offer({RequestId{4}, rev, {}, 0, true}) == Refusal::none);
    CHECK(rig.offer({RequestId{5}, rev, {}, 0, false}) == Refusal::queue_full);
    CHECK(rig.offer({RequestId{6}, RevisionId{2}, {}, 0, false}) == Refusal::unknown_revision);
    CHECK(rig.view().bytes_waiting == 100);
    CHECK(rig.view().waiting == 2);
    CHECK(rig.view().controls == 1);
    rig.words();

    rig.abandon(1);
    CHECK(rig.view().bytes_waiting == 40);
    CHECK(rig.offer({RequestId{7}, rev, {}, 60, false}) == Refusal::none);
}

TEST_CASE("scheduler: a request that can start at once is under no queue limit",
          "[activator][core][scheduler]") {
    RevisionPolicy policy;
    policy.queue_limit = 0;
    Limits limits;
    limits.queue_bytes = 10;
    Rig rig(policy, limits);
    rig.ready('A');
    CHECK(rig.offer({RequestId{1}, rev, {}, 1000, false}) == Refusal::none);
    CHECK(rig.words() == Words{"1>A"});
    CHECK(rig.view().bytes_waiting == 0);
    CHECK(rig.offer({RequestId{2}, rev, {}, 0, false}) == Refusal::queue_full);
}

TEST_CASE("scheduler: bytes held elsewhere count against the same bound",
          "[activator][core][scheduler]") {
    Limits limits;
    limits.queue_bytes = 100;
    Rig rig({}, limits);
    rig.scheduler.set_bytes_elsewhere(41);
    CHECK(rig.offer({RequestId{1}, rev, {}, 60, false}) == Refusal::bytes_full);
    CHECK(rig.offer({RequestId{2}, rev, {}, 59, false}) == Refusal::none);
    rig.scheduler.set_bytes_elsewhere(1000);
    CHECK(rig.offer({RequestId{3}, rev, {}, 0, false}) == Refusal::bytes_full);
    rig.scheduler.set_bytes_elsewhere(0);
    CHECK(rig.offer({RequestId{4}, rev, {}, 41, false}) == Refusal::none);
    CHECK(rig.view().bytes_waiting == 100);
}

TEST_CASE("scheduler: a request that comes back keeps its place whatever the limits",
          "[activator][core][scheduler]") {
    RevisionPolicy policy;
    policy.queue_limit = 2;
    Limits limits;
    limits.queue_bytes = 10;
    Rig rig(policy, limits);
    rig.ready('A');
    rig.offer({RequestId{1}, rev, {}, 8, false});
    rig.offer({RequestId{2}, rev, {}, 5, false});
    rig.offer({RequestId{3}, rev, {}, 5, false});
    rig.words();
    CHECK(rig.finish(1, Outcome::refused) == Words{"wake"});
    CHECK(rig.view().waiting == 3);
    CHECK(rig.view().bytes_waiting == 18);
    CHECK(rig.scheduler.position(RequestId{1}) == 0);
    CHECK(rig.offer({RequestId{4}, rev, {}, 0, false}) == Refusal::queue_full);
    CHECK(rig.set_ready('A', true) == Words{"1>A"});
}

TEST_CASE("scheduler: when all addresses vanish requests wait (row 45)",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    CHECK(rig.remove('A').empty());
    CHECK(rig.refusal == Refusal::none);
    CHECK(rig.arrive(3) == Words{"wake"});
    CHECK(rig.finish(1).empty());
    CHECK(rig.ready('B') == Words{"2>B"});
    CHECK(rig.finish(2) == Words{"3>B"});
}

TEST_CASE("scheduler: a deleted revision ends who waits, not who runs (row 64)",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    for (std::uint64_t id = 1; id <= 3; ++id)
        rig.arrive(id);
    rig.scheduler.remove_revision(rev, rig.now);
    CHECK(rig.words() == Words{"removed!2", "removed!3"});
    CHECK(rig.offer({RequestId{4}, rev, {}, 0, false}) == Refusal::unknown_revision);
    CHECK(rig.view().running == 1);
    CHECK(rig.finish(1).empty());
    CHECK(rig.found);
    CHECK(rig.view().running == 0);
    CHECK_FALSE(rig.scheduler.pod(pod_id('A')));
}

TEST_CASE("scheduler: a request refused after its revision was deleted expires",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.scheduler.remove_revision(rev, rig.now);
    CHECK(rig.finish(1, Outcome::refused) == Words{"removed!1"});
    CHECK(rig.scheduler.next_deadline() == Instant::max());
}

TEST_CASE("scheduler: late and duplicate reports change nothing", "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    CHECK(rig.finish(2).empty());  // it waits
    CHECK_FALSE(rig.found);
    CHECK(rig.finish(1) == Words{"2>A"});
    CHECK(rig.finish(1).empty());
    CHECK_FALSE(rig.found);
    CHECK(rig.requeue(1).empty());
    CHECK_FALSE(rig.found);
    CHECK(rig.pod('A').in_flight == 1);
    CHECK(rig.set_ready('Z', true).empty());
    CHECK(rig.drain('Z').empty());
    CHECK(rig.remove('Z').empty());
}

TEST_CASE("scheduler: a growing limit serves the oldest at once, spread over pods",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    for (std::uint64_t id = 1; id <= 7; ++id)
        rig.arrive(id);
    CHECK(rig.set_policy(with_concurrency(3)) == Words{"3>A", "4>B", "5>A", "6>B"});
    CHECK(rig.set_policy(with_concurrency(0)) == Words{"7>A"});
}

TEST_CASE("scheduler: a shrinking limit lets running requests end and gives their slots to nobody",
          "[activator][core][scheduler]") {
    Rig rig(with_concurrency(3));
    rig.ready('A');
    for (std::uint64_t id = 1; id <= 4; ++id)
        rig.arrive(id);
    CHECK(rig.set_policy(with_concurrency(1)).empty());
    CHECK(rig.finish(1).empty());
    CHECK(rig.finish(2).empty());
    CHECK(rig.finish(3) == Words{"4>A"});
}

TEST_CASE("scheduler: a growing limit serves pinned and shared requests by age alone",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    rig.arrive(2);
    rig.arrive_pinned(3, 'B');
    rig.arrive(4);
    rig.arrive_pinned(5, 'A');
    rig.arrive_pinned(6, 'A');
    CHECK(rig.set_policy(with_concurrency(2)) == Words{"3>B", "4>A"});
    CHECK(rig.finish(4) == Words{"5>A"});
    CHECK(rig.set_policy(with_concurrency(3)) == Words{"6>A"});
}

TEST_CASE("scheduler: position counts who is ahead in the revision",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.arrive_pinned(2, 'A');
    rig.arrive(3);
    rig.arrive_pinned(4, 'A');
    CHECK_FALSE(rig.scheduler.position(RequestId{1}));
    CHECK(rig.scheduler.position(RequestId{2}) == 0);
    CHECK(rig.scheduler.position(RequestId{3}) == 1);
    CHECK(rig.scheduler.position(RequestId{4}) == 2);
}

TEST_CASE("scheduler: scale-in takes idle pods: not ready, then without sessions, then newest",
          "[activator][core][scheduler]") {
    Rig rig;
    for (char letter : {'A', 'B', 'C', 'D', 'E', 'F', 'G'})
        rig.ready(letter);
    rig.arrive_pinned(1, 'C');
    rig.set_ready('B', false);
    rig.arrive_pinned(2, 'B');  // B is idle, but somebody waits for it
    rig.set_ready('A', false);
    rig.drain('D');
    rig.scheduler.note_session(pod_id('G'), rig.now + 10s);
    rig.scheduler.note_session(pod_id('G'), rig.now + 5s);  // extends only
    rig.scheduler.note_session(pod_id('E'), rig.now);       // over
    std::vector<PodId> out(9);
    CHECK(rig.scheduler.idle_pods(rev, 9, rig.now, out) == 4);
    out.resize(4);
    CHECK(out == std::vector<PodId>{pod_id('A'), pod_id('F'), pod_id('E'), pod_id('G')});
    CHECK(rig.scheduler.idle_pods(rev, 2, rig.now, out) == 2);
    CHECK(rig.pod('G').sessions_live_until == rig.now + 10s);
}

TEST_CASE("scheduler: a pod knows since when it is idle", "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.wait(3s);
    rig.arrive(1);
    rig.wait(4s);
    rig.finish(1);
    CHECK(rig.pod('A').idle_since == rig.now);
}

TEST_CASE("scheduler: revisions do not take each other's pods or queue places",
          "[activator][core][scheduler]") {
    RevisionPolicy policy;
    policy.queue_limit = 1;
    Rig rig(policy);
    const RevisionId other{2};
    rig.scheduler.add_revision(other, policy, rig.now);
    rig.ready('A');
    rig.arrive(1);
    CHECK(rig.arrive(2) == Words{"wake"});
    CHECK(rig.offer({RequestId{3}, other, pod_id('A'), 0, false}) == Refusal::none);
    CHECK(rig.words() == Words{"wake"});
    CHECK(rig.finish(1) == Words{"2>A"});
    rig.scheduler.add_pod(other, pod_id('B'), rig.now);
    rig.scheduler.set_pod_ready(pod_id('B'), true, rig.now);
    CHECK(rig.words() == Words{"3>B"});
}
