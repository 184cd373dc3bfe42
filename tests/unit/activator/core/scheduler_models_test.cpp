// Requests that name a model: which pod they get, and who may pass whom for how long.
#include <catch2/catch.hpp>

#include "activator/core/model_patience.hpp"
#include "tests/unit/activator/core/scheduler_rig.hpp"

using namespace scheduler_test;

namespace {

struct ModelRig : Rig {
    using Rig::Rig;
    Words arrive(std::uint64_t id, ModelKey model, std::optional<PodId> pinned = {}) {
        Arrival arrival;
        arrival.id = RequestId{id};
        arrival.revision = rev;
        arrival.pinned = pinned;
        arrival.model = model;
        refusal = offer(arrival);
        return words();
    }
};

RevisionPolicy with_model_patience(Duration patience) {
    RevisionPolicy policy;
    policy.model_patience = patience;
    return policy;
}

}  // namespace

TEST_CASE("models: a free pod that holds the model comes before an older one",
          "[activator][core][scheduler]") {
    ModelRig rig;
    rig.ready('A');
    rig.ready('B');
    CHECK(rig.arrive(1, 7) == Words{"1>A"});
    CHECK(rig.arrive(2, 8) == Words{"2>B"});
    rig.finish(1);
    rig.finish(2);
    CHECK(rig.pod('A').model == 7);
    CHECK(rig.pod('B').model == 8);
    CHECK(rig.arrive(3, 8) == Words{"3>B"});
    CHECK(rig.arrive(4, 0) == Words{"4>A"});
    CHECK(rig.pod('A').model == 7);  // a request for any model leaves it
}

TEST_CASE("models: a new model goes to a pod without one, then to the one worth least",
          "[activator][core][scheduler]") {
    ModelRig rig;
    rig.ready('A');
    rig.ready('B');
    rig.ready('C');
    // A runs its model four times, then B its own once, a little later.
    for (std::uint64_t id = 1; id <= 4; ++id) {
        CHECK(rig.arrive(id, 7) == Words{std::to_string(id) + ">A"});
        rig.finish(id);
    }
    rig.wait(2s);
    CHECK(rig.arrive(5, 8) == Words{"5>B"});
    rig.finish(5);
    CHECK(rig.arrive(6, 9) == Words{"6>C"});
    rig.finish(6);
    // 2 s later: A is unused for 4 s by four uses, B for 2 s by one use: B and C are worth less.
    rig.wait(2s);
    CHECK(rig.arrive(7, 10) == Words{"7>B"});
    rig.finish(7);
    // 8 s later still: A (12 s / 4) against C (10 s / 1) and B (8 s / 1).
    rig.wait(8s);
    CHECK(rig.arrive(8, 11) == Words{"8>C"});
}

TEST_CASE("models: a pod that failed or is not ready holds none any more",
          "[activator][core][scheduler]") {
    ModelRig rig;
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1, 7);
    SECTION("failed") {
        rig.finish(1, Outcome::failed);
        CHECK(rig.pod('A').model == 0);
    }
    SECTION("refused: it was only busy") {
        rig.finish(1, Outcome::refused);
        CHECK(rig.pod('A').model == 7);
    }
    SECTION("not ready") {
        rig.set_ready('A', false);
        CHECK(rig.pod('A').model == 0);
    }
    SECTION("back after it was gone") {
        rig.remove('A');
        rig.ready('A');
        CHECK(rig.pod('A').model == 0);
    }
}

TEST_CASE("models: a younger request passes for the pod's model, for the set patience only",
          "[activator][core][scheduler]") {
    ModelRig rig(with_model_patience(10s));
    rig.ready('A');
    rig.arrive(1, 7);
    rig.arrive(2, 8);
    rig.arrive(3, 7);
    rig.arrive(4, 7);
    CHECK(rig.wait(9s).empty());
    CHECK(rig.finish(1) == Words{"3>A"});
    CHECK(rig.wait(1s).empty());
    CHECK(rig.finish(3) == Words{"2>A"});  // 10 s are over
    CHECK(rig.finish(2) == Words{"4>A"});
}

TEST_CASE("models: nobody passes one who fits too, and none of any model passes",
          "[activator][core][scheduler]") {
    ModelRig rig(with_model_patience(10s));
    rig.ready('A');
    rig.arrive(1, 7);
    rig.arrive(2, 0);
    rig.arrive(3, 7);
    CHECK(rig.finish(1) == Words{"2>A"});
    rig.arrive(4, 8);
    rig.arrive(5, 0);
    CHECK(rig.finish(2) == Words{"3>A"});
    CHECK(rig.finish(3) == Words{"4>A"});
}

TEST_CASE("models: unset, the patience is twice the time that the line takes",
          "[activator][core][scheduler]") {
    ModelRig rig;
    rig.ready('A');
    rig.arrive(1, 7);
    rig.arrive(2, 8);
    rig.arrive(3, 7);
    rig.wait(10s);
    // The first run has taken 10 s, two wait for one slot: 40 s, and 10 s have passed.
    CHECK(rig.finish(1) == Words{"3>A"});
    rig.arrive(4, 7);
    rig.wait(10s);
    // Two wait again; 20 s of 40 s.
    CHECK(rig.finish(3) == Words{"4>A"});
    rig.wait(20s);
    rig.arrive(5, 7);
    // The mean is 10 s + 10 s / 16; two wait: 42.5 s, and 40 s have passed.
    CHECK(rig.finish(4) == Words{"5>A"});
    rig.arrive(6, 7);
    rig.wait(10s);
    CHECK(rig.finish(5) == Words{"2>A"});
}

TEST_CASE("models: a granted slot follows the same rule, and is asked for by the oldest's age",
          "[activator][core][scheduler]") {
    ModelRig rig(with_model_patience(10s));
    rig.streams = true;
    rig.ready('A');
    rig.arrive(1, 7);
    rig.arrive(2, 8);
    CHECK(rig.finish(1, Outcome::refused) == Words{"reserve A", "wake"});
    rig.wait(1s);
    CHECK(rig.grant('A') == Words{"1>>A"});
    rig.arrive(3, 7);
    rig.wait(1s);
    CHECK(rig.wanted('A') == 2s);  // since 2 came
    CHECK(rig.grant('A') == Words{"3>>A"});
    rig.arrive(4, 7);
    rig.wait(8s);
    CHECK(rig.grant('A') == Words{"2>>A"});  // passed over for long enough
}

TEST_CASE("models: before any run has ended the line is served in order",
          "[activator][core][scheduler]") {
    ModelRig rig;
    rig.ready('A');
    rig.arrive(1, 7);
    rig.arrive(2, 8);
    rig.arrive(3, 7);
    CHECK(rig.finish(1, Outcome::refused) == Words{"wake"});  // backs off
    CHECK(rig.wait(50ms) == Words{"1>A"});
    CHECK(rig.abandon(9).empty());
    rig.remove('A');
    CHECK(rig.ready('B') == Words{"2>B"});
}

TEST_CASE("models: half of the queue budget bounds the patience", "[activator][core]") {
    ModelPatience patience;
    CHECK(patience.patience(100, 1, 300s) == 0s);
    patience.note_run(10s);
    CHECK(patience.patience(3, 2, 300s) == 30s);
    CHECK(patience.patience(3, 0, 300s) == 60s);
    CHECK(patience.patience(1'000'000, 1, 300s) == 150s);
    patience.note_run(26s);
    CHECK(patience.patience(1, 1, 300s) == 22s);
}

TEST_CASE("models: who names a model does not wait for its session's pod, unless told to",
          "[activator][core][scheduler]") {
    RevisionPolicy policy;
    SECTION("by default") {
        ModelRig rig(policy);
        rig.ready('A');
        rig.ready('B');
        rig.arrive(1, 7, pod_id('A'));
        CHECK(rig.arrive(2, 7, pod_id('A')) == Words{"2>B"});
        rig.finish(1);
        rig.finish(2);
        // Both hold it: its own.
        CHECK(rig.arrive(3, 7, pod_id('B')) == Words{"3>B"});
        // Only another holds it.
        CHECK(rig.arrive(4, 8) == Words{"4>A"});
        rig.finish(3);
        rig.finish(4);
        CHECK(rig.arrive(5, 8, pod_id('B')) == Words{"5>A"});
        // One that names none waits for its pod as before.
        CHECK(rig.arrive(6, 0, pod_id('A')).empty());
        CHECK(rig.pod('A').pinned_waiting == 1);
    }
    SECTION("with a patience") {
        policy.affinity_patience = 5s;
        ModelRig rig(policy);
        rig.ready('A');
        rig.ready('B');
        rig.arrive(1, 7, pod_id('A'));
        CHECK(rig.arrive(2, 8, pod_id('A')).empty());
        CHECK(rig.wait(5s) == Words{"2>B"});
    }
}

TEST_CASE("models: a policy without a patience frees those who named a model",
          "[activator][core][scheduler]") {
    RevisionPolicy policy;
    policy.affinity_patience = 60s;
    ModelRig rig(policy);
    rig.ready('A');
    rig.ready('B');
    rig.arrive(1, 7, pod_id('A'));
    CHECK(rig.arrive(2, 8, pod_id('A')).empty());
    CHECK(rig.arrive(3, 0, pod_id('A')).empty());
    policy.affinity_patience.reset();
    CHECK(rig.set_policy(policy) == Words{"2>B"});
    CHECK(rig.pod('A').pinned_waiting == 1);
}

TEST_CASE("models: the order within a pod's own line is that of the shared one",
          "[activator][core][scheduler]") {
    RevisionPolicy policy = with_model_patience(10s);
    policy.affinity_patience = 60s;
    ModelRig rig(policy);
    rig.ready('A');
    rig.arrive(1, 7);
    rig.arrive(2, 8, pod_id('A'));
    rig.arrive(3, 9);
    rig.arrive(4, 7, pod_id('A'));
    CHECK(rig.finish(1) == Words{"4>A"});
    CHECK(rig.finish(4) == Words{"2>A"});
    CHECK(rig.finish(2) == Words{"3>A"});
}

TEST_CASE("models: of a pod with several slots the least loaded holder is taken",
          "[activator][core][scheduler]") {
    ModelRig rig(with_concurrency(2));
    rig.ready('A');
    rig.ready('B');
    CHECK(rig.arrive(1, 7) == Words{"1>A"});
    CHECK(rig.arrive(2, 7) == Words{"2>A"});
    CHECK(rig.arrive(3, 7) == Words{"3>B"});
    rig.finish(1);
    rig.finish(2);
    CHECK(rig.arrive(4, 7) == Words{"4>A"});
    // None is idle and none holds it: the least loaded, then the oldest.
    CHECK(rig.arrive(5, 8) == Words{"5>A"});
}
