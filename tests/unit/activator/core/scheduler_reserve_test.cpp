// Reserved pods: what a refusal leads to where reservations can be left, and what a grant does.
#include <catch2/catch.hpp>

#include "tests/unit/activator/core/scheduler_rig.hpp"

using namespace scheduler_test;

namespace {

struct StreamRig : Rig {
    explicit StreamRig(const RevisionPolicy& policy = {}) : Rig(policy) { streams = true; }
};

}  // namespace

TEST_CASE("reserve: a pod that refused gets nothing until it grants a slot",
          "[activator][core][scheduler]") {
    StreamRig rig;
    rig.ready('A');
    rig.arrive(1);
    CHECK(rig.finish(1, Outcome::refused) == Words{"reserve A", "wake"});
    CHECK(rig.pod('A').reserved);
    CHECK_FALSE(rig.pod('A').backing_off);
    CHECK(rig.wanted('A') == 0s);
    CHECK(rig.wait(10s).empty());
    CHECK(rig.wanted('A') == 10s);
    CHECK(rig.grant('A') == Words{"1>>A"});
    CHECK(rig.found);
    // Nobody waits any more, and its first time is over: an ordinary pod again.
    CHECK_FALSE(rig.pod('A').reserved);
    CHECK(rig.wanted('A') == std::nullopt);
    CHECK(rig.finish(1).empty());
    CHECK(rig.arrive(2) == Words{"2>A"});
}

TEST_CASE("reserve: the request that was refused goes to another pod, not to the same one",
          "[activator][core][scheduler]") {
    StreamRig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    CHECK(rig.finish(1, Outcome::refused) == Words{"reserve A", "1>B"});
    CHECK(rig.wanted('A') == std::nullopt);  // nobody waits
    CHECK(rig.finish(1, Outcome::refused) == Words{"reserve B", "wake"});
    CHECK(rig.wanted('A') == 0s);
    rig.abandon(1);
    CHECK(rig.wait(50ms - 1ns).empty());
    CHECK(rig.pod('A').reserved);
    CHECK(rig.wait(1ns).empty());
    CHECK_FALSE(rig.pod('A').reserved);
    CHECK(rig.view().slots_free == 2);
}

TEST_CASE("reserve: a grant takes the oldest that may run there, whatever line it stands in",
          "[activator][core][scheduler]") {
    StreamRig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1);
    rig.arrive(2);
    rig.arrive_pinned(3, 'B');
    rig.arrive(4);
    rig.arrive_pinned(5, 'A');
    rig.finish(1, Outcome::refused);
    rig.finish(2, Outcome::refused);
    CHECK(rig.grant('B') == Words{"1>>B"});
    CHECK(rig.grant('B') == Words{"2>>B"});
    CHECK(rig.grant('A') == Words{"4>>A"});  // 3 waits for B
    CHECK(rig.grant('A') == Words{"5>>A"});
    CHECK(rig.grant('A').empty());
    CHECK_FALSE(rig.found);
    CHECK(rig.wanted('A') == std::nullopt);
    CHECK(rig.wanted('B') == 0s);
    CHECK(rig.grant('B') == Words{"3>>B"});
}

TEST_CASE("reserve: the end of an own request frees nothing on a reserved pod",
          "[activator][core][scheduler]") {
    StreamRig rig(with_concurrency(2));
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    CHECK(rig.finish(2, Outcome::refused) == Words{"reserve A", "wake"});
    CHECK(rig.finish(1).empty());
    CHECK(rig.wait(1s).empty());
    CHECK(rig.grant('A') == Words{"2>>A"});
}

TEST_CASE("reserve: a grant that is faster than the end of the own request is used",
          "[activator][core][scheduler]") {
    StreamRig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    CHECK(rig.wanted('A') == std::nullopt);  // it may be ours alone
    CHECK(rig.stream_opens('A').empty());
    CHECK(rig.wanted('A') == 0s);
    CHECK(rig.grant('A') == Words{"2>>A"});
    CHECK(rig.pod('A').in_flight == 2);
    CHECK(rig.finish(1).empty());
    CHECK(rig.finish(2).empty());
    CHECK(rig.arrive(3) == Words{"3>A"});
}

TEST_CASE("reserve: on a contested pod a freed slot belongs to the oldest reservation",
          "[activator][core][scheduler]") {
    StreamRig rig;
    rig.ready('A');
    rig.stream_opens('A');
    CHECK(rig.arrive(1) == Words{"1>A"});  // nobody of ours waited
    rig.arrive(2);
    CHECK(rig.finish(1) == Words{"reserve A"});
    CHECK(rig.wanted('A') == 0s);
    CHECK(rig.abandon(2).empty());
    rig.words();
    // The reservation is of no use any more, and nothing was refused: no time to wait for.
    CHECK_FALSE(rig.pod('A').reserved);
}

TEST_CASE("reserve: a stream that breaks leaves the back-off of a pod without one",
          "[activator][core][scheduler]") {
    StreamRig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.finish(1, Outcome::refused);
    for (const Duration length : {50ms, 100ms, 200ms}) {
        rig.stream_opens('A');
        CHECK(rig.stream_breaks('A').empty());
        CHECK(rig.pod('A').backing_off);
        CHECK(rig.grant('A').empty());  // a late one
        CHECK_FALSE(rig.found);
        CHECK(rig.wait(length - 1ns).empty());
        CHECK(rig.wait(1ns) == Words{"1>A"});
        rig.finish(1, Outcome::refused);
    }
    // A break that finds the pod in good standing changes nothing.
    rig.grant('A');
    rig.wait(1s);
    rig.stream_breaks('A');
    CHECK_FALSE(rig.pod('A').backing_off);
}

TEST_CASE("reserve: a failure, and nothing less, is worse than being busy",
          "[activator][core][scheduler]") {
    StreamRig rig(with_concurrency(2));
    rig.ready('A');
    rig.arrive(1);
    rig.arrive(2);
    rig.finish(2, Outcome::refused);
    CHECK(rig.set_ready('A', true).empty());  // ready is not free
    CHECK(rig.pod('A').reserved);
    rig.finish(1, Outcome::failed);
    CHECK_FALSE(rig.pod('A').reserved);
    CHECK(rig.pod('A').backing_off);
    CHECK(rig.wanted('A') == std::nullopt);
    CHECK(rig.wait(50ms) == Words{"2>A"});
}

TEST_CASE("reserve: pods that are not ready, drain, or are gone are not wanted",
          "[activator][core][scheduler]") {
    StreamRig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.finish(1, Outcome::refused);
    rig.set_ready('A', false);
    CHECK(rig.wanted('A') == std::nullopt);
    CHECK(rig.grant('A').empty());
    rig.set_ready('A', true);
    CHECK(rig.wanted('A') == 0s);
    SECTION("drains") {
        rig.drain('A');
    }
    SECTION("is removed, and returns as a pod like any other") {
        rig.remove('A');
        CHECK(rig.scheduler.next_deadline() > rig.now + 1min);
        CHECK(rig.ready('A') == Words{"1>A"});
    }
    CHECK(rig.wanted('A') == std::nullopt);
}

TEST_CASE("reserve: a control request passes a reserved pod's line by",
          "[activator][core][scheduler]") {
    StreamRig rig;
    rig.ready('A');
    rig.arrive(1);
    rig.finish(1, Outcome::refused);
    CHECK(rig.arrive_control(2) == Words{"2>A"});
    CHECK(rig.grant('A') == Words{"1>>A"});
}
