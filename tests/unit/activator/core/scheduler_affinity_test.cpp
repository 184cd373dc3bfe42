// Pinned requests, patience, drain, and the control lane.
#include <catch2/catch.hpp>

#include "tests/unit/activator/core/scheduler_rig.hpp"

using namespace scheduler_test;

TEST_CASE("scheduler: a pinned request goes to its pod, not to the least loaded",
          "[activator][core][scheduler]") {
    Rig rig(with_concurrency(2));
    rig.ready('A');
    rig.ready('B');
    CHECK(rig.arrive_pinned(1, 'B') == Words{"1>B"});
    CHECK(rig.arrive_pinned(2, 'B') == Words{"2>B"});
    CHECK(rig.arrive_pinned(3, 'B').empty());  // waits; A has a slot, so nobody is woken
    CHECK(rig.pod('B').pinned_waiting == 1);
    CHECK(rig.arrive(4) == Words{"4>A"});
    CHECK(rig.finish(1) == Words{"3>B"});
}

TEST_CASE("scheduler: with patience unset a pinned request waits however many pods are free",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive_pinned(1, 'A');
    rig.arrive_pinned(2, 'A');
    CHECK(rig.ready('B').empty());
    CHECK(rig.wait(299s).empty());
    CHECK(rig.finish(1) == Words{"2>A"});
}

TEST_CASE("scheduler: patience zero takes the pinned pod if free, else any",
          "[activator][core][scheduler]") {
    Rig rig(with_patience(0s));
    rig.ready('A');
    rig.ready('B');
    rig.ready('C');
    CHECK(rig.arrive_pinned(1, 'C') == Words{"1>C"});
    CHECK(rig.arrive_pinned(2, 'C') == Words{"2>A"});
    CHECK(rig.arrive_pinned(3, 'C') == Words{"3>B"});
    CHECK(rig.arrive_pinned(4, 'C') == Words{"wake"});
    CHECK(rig.pod('C').pinned_waiting == 0);
    CHECK(rig.finish(2) == Words{"4>A"});
}

TEST_CASE("scheduler: after its patience a pinned request takes any free pod",
          "[activator][core][scheduler]") {
    Rig rig(with_patience(3s));
    rig.ready('A');
    rig.ready('B');
    rig.arrive_pinned(1, 'A');
    rig.arrive_pinned(2, 'A');
    CHECK(rig.scheduler.next_deadline() == rig.now + 3s);
    CHECK(rig.wait(3s - 1ns).empty());
    CHECK(rig.wait(1ns) == Words{"2>B"});
}

TEST_CASE("scheduler: a request whose patience ended stands at its place in the shared line",
          "[activator][core][scheduler]") {
    Rig rig(with_patience(1s));
    rig.ready('A');
    rig.ready('B');
    rig.arrive_pinned(1, 'A');
    rig.arrive(2);              // on B
    rig.arrive_pinned(3, 'A');  // for A
    rig.arrive(4);              // shared, younger than 3
    CHECK(rig.wait(1s).empty());
    CHECK(rig.pod('A').pinned_waiting == 0);
    CHECK(rig.finish(2) == Words{"3>B"});
    CHECK(rig.finish(1) == Words{"4>A"});
}

TEST_CASE("scheduler: the oldest of the shared line and the pod's own line gets the slot",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    rig.arrive_pinned(3, 'A');
    rig.arrive(4);
    rig.arrive_pinned(5, 'A');
    CHECK(rig.finish(1) == Words{"2>A"});
    CHECK(rig.finish(2) == Words{"3>A"});
    CHECK(rig.finish(3) == Words{"4>A"});
    CHECK(rig.finish(4) == Words{"5>A"});
}

TEST_CASE("scheduler: a pin to an unknown, leaving or draining pod counts as none",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    CHECK(rig.arrive_pinned(1, 'Z') == Words{"1>A"});
    rig.finish(1);
    rig.drain('B');
    CHECK(rig.arrive_pinned(2, 'B') == Words{"2>A"});
    rig.remove('A');
    CHECK(rig.arrive_pinned(3, 'A') == Words{"wake"});
    CHECK(rig.ready('C') == Words{"3>C"});
}

TEST_CASE("scheduler: a pod that drains or leaves releases its waiters at their places",
          "[activator][core][scheduler]") {
    const bool by_drain = GENERATE(true, false);
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    rig.arrive(2);
    rig.arrive_pinned(3, 'A');
    rig.arrive(4);
    rig.arrive_pinned(5, 'A');
    CHECK((by_drain ? rig.drain('A') : rig.remove('A')).empty());
    CHECK(rig.finish(1).empty());  // A takes nothing more
    CHECK(rig.finish(2) == Words{"3>B"});
    CHECK(rig.finish(3) == Words{"4>B"});
    CHECK(rig.finish(4) == Words{"5>B"});
}

TEST_CASE("scheduler: released waiters take other pods' free slots at once",
          "[activator][core][scheduler]") {
    Rig rig;
    for (char letter : {'A', 'B', 'C'})
        rig.ready(letter);
    rig.arrive_pinned(1, 'A');
    rig.arrive_pinned(2, 'A');
    rig.arrive_pinned(3, 'A');
    rig.arrive_pinned(4, 'A');
    CHECK(rig.drain('A') == Words{"2>B", "3>C"});
}

TEST_CASE("scheduler: pinned requests wait for a pod that is not ready or backs off",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.set_ready('A', false);
    CHECK(rig.arrive_pinned(1, 'A').empty());
    CHECK(rig.set_ready('A', true) == Words{"1>A"});
    CHECK(rig.finish(1, Outcome::refused).empty());  // B is free, but it is not 1's pod
    CHECK(rig.wait(50ms) == Words{"1>A"});
}

TEST_CASE("scheduler: patience counts all the time a request waited, not what it ran",
          "[activator][core][scheduler]") {
    Rig rig(with_patience(3s));
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    rig.arrive(2);
    rig.arrive_pinned(3, 'A');
    rig.wait(2s);
    CHECK(rig.finish(1) == Words{"3>A"});
    rig.wait(10s);
    rig.finish(3, Outcome::refused);
    rig.set_ready('A', false);
    CHECK(rig.pod('A').pinned_waiting == 1);
    rig.finish(2);
    CHECK(rig.wait(1s - 1ns).empty());
    CHECK(rig.wait(1ns) == Words{"3>B"});
}

TEST_CASE("scheduler: shortening patience frees who waits for a pod",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive_pinned(1, 'A');
    rig.arrive_pinned(2, 'A');
    rig.wait(5s);
    rig.arrive_pinned(3, 'A');
    CHECK(rig.set_policy(with_patience(5s)) == Words{"2>B"});
    CHECK(rig.pod('A').pinned_waiting == 1);
    CHECK(rig.set_policy({}).empty());
    CHECK(rig.scheduler.next_deadline() == rig.now + 300s);
}

TEST_CASE("scheduler: control requests take no slot and go to the pinned pod at once",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    CHECK(rig.arrive_control(2, pod_id('A')) == Words{"2>A"});
    CHECK(rig.arrive_control(3, pod_id('A')) == Words{"3>A"});
    CHECK(rig.arrive_control(4) == Words{"4>B"});
    CHECK(rig.pod('A').in_flight == 1);
    CHECK(rig.pod('A').controls == 2);
    CHECK(rig.view().controls == 3);
    CHECK(rig.view().running == 1);
    rig.drain('A');
    CHECK(rig.arrive_control(5, pod_id('A')) == Words{"5>A"});
    CHECK(rig.arrive_control(6) == Words{"6>B"});
    rig.finish(2);
    CHECK(rig.pod('A').controls == 2);
    CHECK(rig.pod('A').in_flight == 1);
}

TEST_CASE("scheduler: control requests go elsewhere if the pinned pod is not ready",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.set_ready('A', false);
    CHECK(rig.arrive_control(1, pod_id('A')) == Words{"1>B"});
    CHECK(rig.arrive_control(2, pod_id('Z')) == Words{"2>B"});
}

TEST_CASE("scheduler: control requests wait only while no pod is ready, under the cold budget",
          "[activator][core][scheduler]") {
    RevisionPolicy policy;
    policy.cold_start_timeout = 5s;
    Rig rig(policy);
    CHECK(rig.arrive_control(1) == Words{"wake"});
    rig.wait(2s);
    rig.arrive(2);
    rig.arrive_control(3);
    CHECK(rig.wait(3s) == Words{"cold!1"});
    CHECK(rig.ready('A') == Words{"3>A", "2>A"});
}

TEST_CASE("scheduler: a busy back-off does not hold control requests back, a failing one does",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.finish(1, Outcome::refused);
    CHECK(rig.arrive_control(2) == Words{"2>A"});
    CHECK(rig.finish(2).empty());  // its end frees no slot: the pod still backs off
    CHECK(rig.wait(50ms) == Words{"1>A"});
    rig.finish(1, Outcome::unreachable);
    CHECK(rig.arrive_control(3).size() == 1);
    CHECK(rig.view().controls == 1);
    CHECK(rig.wait(5s) == Words{"3>A", "1>A"});
}

TEST_CASE("scheduler: a control request that was refused waits out the back-off",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive_control(1);
    CHECK(rig.finish(1, Outcome::refused) == Words{"wake"});
    CHECK(rig.wait(50ms) == Words{"1>A"});
    CHECK(rig.finish(1).empty());
    CHECK(rig.view().controls == 0);
}

TEST_CASE("scheduler: a removed pod is remembered until its control requests have ended",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive_control(1);
    rig.remove('A');
    CHECK(rig.pod('A').controls == 1);
    rig.finish(1);
    CHECK_FALSE(rig.scheduler.pod(pod_id('A')));
}
