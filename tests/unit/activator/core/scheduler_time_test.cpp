// The two wait budgets, patience, back-off, and the deadline the shell sleeps until.
#include <catch2/catch.hpp>

#include "tests/unit/activator/core/scheduler_rig.hpp"

using namespace scheduler_test;

namespace {

RevisionPolicy budgets(Duration cold, Duration queue) {
    RevisionPolicy policy;
    policy.cold_start_timeout = cold;
    policy.queue_timeout = queue;
    return policy;
}

}  // namespace

TEST_CASE("scheduler: with no pod ready a request expires by the cold start budget (row 19)",
          "[activator][core][scheduler]") {
    Rig rig(budgets(10s, 2s));
    rig.arrive(1);
    CHECK(rig.scheduler.next_deadline() == rig.now + 10s);
    CHECK(rig.wait(10s - 1ns).empty());
    CHECK(rig.wait(1ns) == Words{"cold!1"});
    CHECK(rig.view().waiting == 0);
    CHECK(rig.scheduler.next_deadline() == Instant::max());
}

TEST_CASE("scheduler: with busy pods a request expires by the queue budget",
          "[activator][core][scheduler]") {
    Rig rig(budgets(10s, 2s));
    rig.ready('A');
    rig.arrive(1);
    CHECK(rig.scheduler.next_deadline() == Instant::max());
    rig.arrive(2);
    CHECK(rig.scheduler.next_deadline() == rig.now + 2s);
    CHECK(rig.wait(2s) == Words{"queue!2"});
}

TEST_CASE("scheduler: time in one budget does not count against the other",
          "[activator][core][scheduler]") {
    Rig rig(budgets(10s, 5s));
    rig.arrive(1);
    rig.arrive(2);
    rig.wait(9s);                           // cold: 9
    CHECK(rig.ready('A') == Words{"1>A"});  // 2 now waits in the queue
    CHECK(rig.scheduler.next_deadline() == rig.now + 5s);
    CHECK(rig.wait(4s).empty());  // queue: 4
    rig.set_ready('A', false);    // cold again: 1 s left
    CHECK(rig.scheduler.next_deadline() == rig.now + 1s);
    CHECK(rig.wait(500ms).empty());
    rig.set_ready('A', true);
    CHECK(rig.scheduler.next_deadline() == rig.now + 1s);  // of the queue budget
    rig.scheduler.tick(rig.now += 1s);
    REQUIRE(rig.scheduler.actions().size() == 1);
    CHECK(rig.scheduler.actions()[0].waited_cold == 9500ms);
    CHECK(rig.scheduler.actions()[0].waited_queued == 5s);
    CHECK(rig.words() == Words{"queue!2"});
}

TEST_CASE("scheduler: a draining pod is not one that a cold start waits for",
          "[activator][core][scheduler]") {
    Rig rig(budgets(3s, 1s));
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    rig.drain('A');
    CHECK(rig.view().pods_ready == 0);
    CHECK(rig.wait(2s).empty());
    CHECK(rig.wait(1s) == Words{"cold!2"});
}

TEST_CASE("scheduler: after its deadline a request is not assigned even if tick is late",
          "[activator][core][scheduler]") {
    Rig rig(budgets(10s, 2s));
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    rig.now += 1s;
    rig.arrive(3);
    rig.now += 1s;
    CHECK(rig.finish(1) == Words{"queue!2", "3>A"});
}

TEST_CASE("scheduler: who leaves when its deadline has passed unnoticed has left, not expired",
          "[activator][core][scheduler]") {
    Rig rig(budgets(10s, 2s));
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    rig.arrive(3);
    rig.now += 2s;
    CHECK(rig.abandon(2) == Words{"queue!3"});
    CHECK(rig.found);
    rig.arrive(4);
    rig.finish(1, Outcome::refused);
    rig.now += 50ms;  // the back-off has ended unnoticed, and 1 is next
    CHECK(rig.abandon(1) == Words{"4>A"});
    CHECK(rig.found);
}

TEST_CASE("scheduler: a request that comes back has used what it waited, not what it ran",
          "[activator][core][scheduler]") {
    Rig rig(budgets(60s, 10s));
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    rig.wait(4s);
    CHECK(rig.finish(1) == Words{"2>A"});
    rig.arrive(3);
    rig.arrive(4);
    rig.wait(9s);  // 2 runs; 3 and 4 have used 9 s
    CHECK(rig.finish(2, Outcome::refused) == Words{"wake"});
    CHECK(rig.scheduler.position(RequestId{2}) == 0);
    CHECK(rig.scheduler.next_deadline() == rig.now + 50ms);  // the back-off
    rig.drain('A');
    rig.ready('B');  // takes 2: oldest
    CHECK(rig.finish(2, Outcome::refused) == Words{"wake"});
    CHECK(rig.wait(1s) == Words{"queue!3", "queue!4", "2>B"});  // 2 has 5 s left
    CHECK(rig.finish(2, Outcome::refused) == Words{"wake"});
    rig.set_ready('B', true);
    rig.finish(2, Outcome::refused);
    rig.scheduler.remove_pod(pod_id('B'), rig.now);
    rig.ready('C');
    rig.arrive(5);
    CHECK(rig.view().waiting == 1);
    CHECK(rig.wait(10s) == Words{"queue!5"});
}

TEST_CASE("scheduler: two interrupted waits end in the order of what is left to each",
          "[activator][core][scheduler]") {
    Rig rig(budgets(60s, 10s));
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    rig.arrive(2);
    rig.arrive(3);
    rig.wait(2s);
    rig.arrive(4);
    rig.wait(3s);
    CHECK(rig.finish(1) == Words{"3>A"});  // has waited 5 s
    CHECK(rig.finish(2) == Words{"4>B"});  // has waited 3 s
    rig.arrive(5);
    rig.wait(1s);
    CHECK(rig.finish(4, Outcome::refused) == Words{"wake"});  // 7 s left
    rig.set_ready('B', true);                                 // 4 again
    CHECK(rig.finish(4, Outcome::refused) == Words{"wake"});
    CHECK(rig.finish(3, Outcome::refused) == Words{"wake"});  // 5 s left
    RevisionPolicy held = budgets(60s, 10s);
    held.backoff_first = held.backoff_max = 60s;
    rig.set_policy(held);
    rig.set_ready('A', true);
    rig.set_ready('B', true);
    rig.finish(3, Outcome::refused);
    rig.finish(4, Outcome::refused);
    CHECK(rig.wait(5s) == Words{"queue!3"});
    CHECK(rig.wait(2s) == Words{"queue!4"});
    CHECK(rig.wait(2s) == Words{"queue!5"});
}

TEST_CASE("scheduler: a policy change applies to requests that wait",
          "[activator][core][scheduler]") {
    Rig rig(budgets(100s, 100s));
    rig.arrive(1);
    rig.wait(3s);
    rig.arrive(2);
    CHECK(rig.set_policy(budgets(3s, 100s)) == Words{"cold!1"});
    CHECK(rig.scheduler.next_deadline() == rig.now + 3s);
    CHECK(rig.set_policy(budgets(Duration::max(), Duration::max())).empty());
    CHECK(rig.scheduler.next_deadline() == Instant::max());
    CHECK(rig.wait(1000h).empty());
}

TEST_CASE("scheduler: a budget cut while the other one ran holds when its state returns",
          "[activator][core][scheduler]") {
    Rig rig(budgets(100s, 100s));
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    rig.wait(10s);
    rig.set_ready('A', false);
    CHECK(rig.set_policy(budgets(100s, 5s)).empty());
    rig.wait(1s);
    rig.finish(1);
    CHECK(rig.set_ready('A', true) == Words{"queue!2"});
}

TEST_CASE("scheduler: back-off doubles to its maximum, and a success resets it",
          "[activator][core][scheduler]") {
    RevisionPolicy policy;
    policy.backoff_first = 50ms;
    policy.backoff_max = 300ms;
    Rig rig(policy);
    rig.ready('A');
    rig.arrive(1);
    for (const Duration length : {50ms, 100ms, 200ms, 300ms, 300ms}) {
        CHECK(rig.finish(1, Outcome::refused) == Words{"wake"});
        CHECK(rig.pod('A').backing_off);
        CHECK(rig.scheduler.next_deadline() == rig.now + length);
        CHECK(rig.wait(length - 1ns).empty());
        CHECK(rig.wait(1ns) == Words{"1>A"});
    }
    rig.finish(1);
    rig.arrive(2);
    rig.finish(2, Outcome::unreachable);
    CHECK(rig.scheduler.next_deadline() == rig.now + 50ms);
}

TEST_CASE("scheduler: a probe that finds the pod good ends its back-off at once",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.finish(1, Outcome::unreachable);
    CHECK(rig.set_ready('A', true) == Words{"1>A"});
    CHECK_FALSE(rig.pod('A').backing_off);
    CHECK(rig.scheduler.next_deadline() == Instant::max());
    rig.finish(1, Outcome::unreachable);
    CHECK(rig.scheduler.next_deadline() == rig.now + 100ms);  // a probe is not a success
}

TEST_CASE("scheduler: failures of requests sent before the back-off do not lengthen it",
          "[activator][core][scheduler]") {
    Rig rig(with_concurrency(3));
    rig.ready('A');
    for (std::uint64_t id = 1; id <= 3; ++id)
        rig.arrive(id);
    for (std::uint64_t id = 1; id <= 3; ++id)
        rig.finish(id, Outcome::unreachable);
    CHECK(rig.scheduler.next_deadline() == rig.now + 50ms);
    CHECK(rig.wait(50ms) == Words{"1>A", "2>A", "3>A"});
}

TEST_CASE("scheduler: a failed pod does not attract the next request",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    CHECK(rig.finish(1, Outcome::failed).empty());
    CHECK(rig.view().running == 0);
    CHECK(rig.ready('B') == Words{"2>B"});
}

TEST_CASE("scheduler: a request whose pod was lost runs again on another one, ahead of younger",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive_pinned(1, 'A');
    rig.arrive(2);
    rig.arrive(3);
    CHECK(rig.requeue(1) == Words{"wake"});
    CHECK(rig.finish(2) == Words{"1>B"});
    CHECK(rig.wait(50ms) == Words{"3>A"});
}

TEST_CASE("scheduler: a pod removed in its back-off leaves no deadline behind",
          "[activator][core][scheduler]") {
    Rig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.finish(1, Outcome::refused);
    rig.abandon(1);
    rig.remove('A');
    CHECK(rig.scheduler.next_deadline() == Instant::max());
    rig.ready('A');
    CHECK_FALSE(rig.pod('A').backing_off);
}
