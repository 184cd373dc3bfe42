// Contract queue-proxy 4.3, rows 80-85.
#include "proxy/core/probe_policy.hpp"

#include <functional>

#include <catch2/catch.hpp>

using namespace proxy;
using namespace std::chrono_literals;
using Step = ProbePolicy::Step;

namespace {

struct Run {
    Step result = Step::idle;
    int tries = 0;
    Duration took{};
};

// Asks once and follows the policy in virtual time; each try takes `try_time` and its outcome is
// `passes(number of the try)`.
Run run(ProbePolicy& policy, Instant& now, const std::function<bool(int)>& passes,
        Duration try_time = 0ms) {
    Run result;
    const Instant started = now;
    REQUIRE(policy.ask(now));
    while (true) {
        result.result = policy.step(now);
        if (result.result == Step::attempt) {
            ++result.tries;
            now += try_time;
            const bool passed = passes(result.tries);
            policy.tried(passed, passed ? "" : "refused " + std::to_string(result.tries), now);
        } else if (result.result == Step::wait) {
            REQUIRE(policy.next_deadline() > now);
            REQUIRE(policy.next_deadline() < Instant::max());
            now = policy.next_deadline();
        } else {
            break;
        }
    }
    result.took = now - started;
    return result;
}

}  // namespace

TEST_CASE("probe policy: row 80, failures before a success are not logged", "[proxy][core]") {
    ProbePolicy policy({});
    Instant now(1s);
    const Run result = run(policy, now, [](int number) { return number == 4; });
    CHECK(result.result == Step::ready);
    CHECK(result.tries == 4);
    CHECK(result.took == 150ms);
    CHECK(policy.summary().empty());
    CHECK_FALSE(policy.is_running());
    CHECK(policy.step(now) == Step::idle);
}

TEST_CASE("probe policy: row 81, never ready is false after 10 s with one summary line",
          "[proxy][core]") {
    ProbePolicy policy({});
    Instant now(1s);
    const Run result = run(policy, now, [](int) { return false; });
    CHECK(result.result == Step::not_ready);
    CHECK(result.took == 10s);
    CHECK(result.tries == 200);
    CHECK(policy.summary() == "aggressive probe error (failed 200 times): refused 200");
    // The next question starts afresh.
    const Run second = run(policy, now, [](int) { return true; });
    CHECK(second.result == Step::ready);
    CHECK(second.took == 0ms);
    CHECK(policy.summary().empty());
}

TEST_CASE("probe policy: an aggressive try has 100 ms, and the run overruns by one at most",
          "[proxy][core]") {
    ProbePolicy policy({.timeout = 7s});
    CHECK(policy.try_timeout() == 100ms);
    Instant now{};
    const Run result = run(policy, now, [](int) { return false; }, policy.try_timeout());
    CHECK(result.result == Step::not_ready);
    CHECK(result.took >= 10s);
    CHECK(result.took < 10s + 100ms);
}

TEST_CASE("probe policy: rows 82 and 83, the threshold counts successes in a row",
          "[proxy][core]") {
    ProbePolicy policy({.success_threshold = 3});
    Instant now{};
    const Run result = run(policy, now, [](int number) { return number != 2; });
    CHECK(result.result == Step::ready);
    CHECK(result.tries == 5);
}

TEST_CASE("probe policy: the success counter survives between aggressive runs", "[proxy][core]") {
    ProbePolicy policy({.success_threshold = 3});
    Instant now{};
    CHECK(run(policy, now, [](int) { return true; }).tries == 3);
    CHECK(run(policy, now, [](int) { return true; }).tries == 1);
    // A failure zeroes it.
    CHECK(run(policy, now, [](int number) { return number > 1; }).tries == 4);
}

TEST_CASE("probe policy: row 84, a period means exactly one try for a question", "[proxy][core]") {
    ProbePolicy policy({.period = 10s, .timeout = 3s, .success_threshold = 3});
    CHECK(policy.try_timeout() == 3s);
    Instant now{};
    const Run passed = run(policy, now, [](int) { return true; });
    CHECK(passed.result == Step::ready);
    CHECK(passed.tries == 1);
    const Run failed = run(policy, now, [](int) { return false; });
    CHECK(failed.result == Step::not_ready);
    CHECK(failed.tries == 1);
    CHECK(policy.summary() == "refused 1");
}

TEST_CASE("probe policy: row 85, questions during a run share it", "[proxy][core]") {
    ProbePolicy policy({});
    Instant now{};
    CHECK(policy.ask(now));
    REQUIRE(policy.step(now) == Step::attempt);
    for (int i = 0; i < 5; ++i)
        CHECK_FALSE(policy.ask(now));
    CHECK(policy.step(now) == Step::wait);  // one try at a time
    CHECK(policy.next_deadline() == Instant::max());
    policy.tried(true, "", now + 10ms);
    CHECK(policy.step(now + 10ms) == Step::ready);
    CHECK(policy.ask(now + 10ms));
}
