// Small traces whose every figure was worked out by hand, and the agreements that must hold for
// any.
#include "sluice/replay/core/replay.hpp"

#include <catch2/catch.hpp>

#include "common/core/rng.hpp"
#include "sluice/replay/core/generated_trace.hpp"

using namespace sluice::replay;
using namespace std::chrono_literals;

namespace {

TraceRow row(Duration arrival, Duration run, std::uint64_t session = 0,
             activator::ModelKey model = 0) {
    TraceRow made;
    made.arrival = Instant(arrival);
    made.run = run;
    made.session = session;
    made.model = model;
    return made;
}

Setup fixed(std::uint32_t pods) {
    Setup setup;
    setup.fixed_pods = pods;
    setup.scheduling.queue_timeout = 24h;
    setup.timeout = 24h;
    return setup;
}

// Replay owns its figures.
std::unique_ptr<Replay> replayed(const Setup& setup, const std::vector<TraceRow>& rows) {
    auto replay = std::make_unique<Replay>(setup);
    for (const TraceRow& each : rows)
        replay->arrive(each);
    replay->finish();
    return replay;
}

void check_accounts(const Figures& figures) {
    CHECK(figures.requests == figures.answered + figures.expired + figures.refused + figures.left);
}

std::vector<TraceRow> generated(std::size_t count, std::uint64_t seed) {
    GeneratedTrace trace(seed);
    std::vector<TraceRow> rows;
    for (std::size_t i = 0; i < count; ++i)
        rows.push_back(trace.next());
    return rows;
}

}  // namespace

TEST_CASE("replay: three requests on one pod", "[sluice][replay]") {
    const auto replay = replayed(fixed(1), {row(0s, 10s), row(1s, 10s), row(30s, 2s)});
    const Figures& figures = replay->figures();
    CHECK(figures.answered == 3);
    CHECK(figures.wait.mean() == Approx(3));          // 0, 9, 0
    CHECK(figures.total.mean() == Approx(31.0 / 3));  // 10, 19, 2
    CHECK(figures.total.max() == Approx(19));
    CHECK(figures.busy == Approx(22));
    CHECK(figures.idle == Approx(10));  // of 32 s
    CHECK(figures.cold_starts == 0);
    check_accounts(figures);
}

TEST_CASE("replay: the speed changes the arrivals and nothing else", "[sluice][replay]") {
    Setup setup = fixed(1);
    setup.speed = 2;
    const auto replay = replayed(setup, {row(0s, 10s), row(10s, 10s)});
    CHECK(replay->figures().wait.mean() == Approx(2.5));  // 0 and 5
}

TEST_CASE("replay: a load is paid where the pod holds another model", "[sluice][replay]") {
    Setup setup = fixed(2);
    setup.model_load = 5s;
    std::vector<TraceRow> rows = {row(0s, 10s, 0, 7), row(20s, 10s, 0, 8), row(40s, 10s, 0, 8),
                                  row(60s, 10s, 0, 7)};
    SECTION("first available: always the first pod") {
        const auto replay = replayed(setup, rows);
        CHECK(replay->figures().model_changes == 3);  // 7, 8, -, 7
        CHECK(replay->figures().total.mean() == Approx(10 + 15.0 / 4));
        CHECK(replay->figures().loading == Approx(15));
    }
    SECTION("model-aware: one pod each") {
        setup.models_known = true;
        const auto replay = replayed(setup, rows);
        CHECK(replay->figures().model_changes == 2);
        CHECK(replay->figures().loading == Approx(10));
    }
    SECTION("a load of its own") {
        rows[1].load = 9s;
        CHECK(replayed(setup, rows)->figures().loading == Approx(5 + 9 + 5));
    }
}

TEST_CASE("replay: cookies, strict and soft", "[sluice][replay]") {
    Setup setup = fixed(2);
    setup.sessions.enabled = true;
    // Session 1 is on pod 1 from its first answer; its next request finds it busy with session 2's.
    const std::vector<TraceRow> rows = {row(0s, 10s, 1), row(20s, 30s, 2), row(25s, 10s, 1),
                                        row(100s, 10s, 1)};
    SECTION("strict: it waits for its pod though another is idle") {
        const auto replay = replayed(setup, rows);
        CHECK(replay->figures().wait.max() == Approx(25));
        CHECK(replay->figures().affinity_kept == 2);
        CHECK(replay->figures().affinity_moved == 0);
    }
    SECTION("soft: it takes the other, and comes home later") {
        setup.scheduling.affinity_patience = Duration::zero();
        const auto replay = replayed(setup, rows);
        CHECK(replay->figures().wait.max() == 0);
        CHECK(replay->figures().affinity_kept == 1);
        CHECK(replay->figures().affinity_moved == 1);
    }
    SECTION("a session that has ended has no pod") {
        setup.sessions.timeout = 40s;
        const auto replay = replayed(setup, rows);
        CHECK(replay->figures().affinity_kept == 1);
        CHECK(replay->figures().affinity_moved == 0);
    }
}

TEST_CASE("replay: clients that leave", "[sluice][replay]") {
    Setup setup = fixed(1);
    std::vector<TraceRow> rows = {row(0s, 10s), row(1s, 10s), row(2s, 10s)};
    rows[0].left = 4s;  // while it runs
    rows[1].left = 2s;  // while it waits
    SECTION("its slot is held until the application is done") {
        const auto replay = replayed(setup, rows);
        const Figures& figures = replay->figures();
        CHECK(figures.left == 2);
        CHECK(figures.answered == 1);
        CHECK(figures.wait.mean() == Approx(8));
        CHECK(figures.held == Approx(6));
        CHECK(figures.busy == Approx(14));
        check_accounts(figures);
    }
    SECTION("interrupt: the application stops") {
        setup.departure = Departure::stop;
        const auto replay = replayed(setup, rows);
        CHECK(replay->figures().wait.mean() == Approx(2));
        CHECK(replay->figures().held == 0);
    }
    SECTION("close: the slot is free, the application works on, and the next one waits inside") {
        setup.departure = Departure::free;
        const auto replay = replayed(setup, rows);
        CHECK(replay->figures().total.mean() == Approx(18));
        CHECK(replay->figures().held == Approx(6));
    }
    SECTION("stock: he who left the line is run for nobody") {
        setup.engine = Engine::stock;
        const auto replay = replayed(setup, rows);
        CHECK(replay->figures().left == 2);
        CHECK(replay->figures().total.mean() == Approx(28));
        CHECK(replay->figures().held == Approx(16));
    }
}

TEST_CASE("replay: budgets end in 504, and a full line in 503", "[sluice][replay]") {
    Setup setup = fixed(1);
    setup.scheduling.queue_timeout = 5s;
    setup.scheduling.queue_limit = 1;
    const auto replay = replayed(setup, {row(0s, 10s), row(1s, 10s), row(2s, 10s)});
    CHECK(replay->figures().expired == 1);
    CHECK(replay->figures().refused == 1);
    CHECK(replay->figures().answered == 1);
    setup.timeout = 8s;
    const auto late = replayed(setup, {row(0s, 10s)});
    CHECK(late->figures().expired == 1);
    CHECK(late->figures().held == Approx(2));
    check_accounts(late->figures());
}

TEST_CASE("replay: pods come from zero when asked for and go after window and grace",
          "[sluice][replay]") {
    Setup setup;
    setup.scaling.bounds.initial = 0;
    setup.pod_start = 20s;
    const auto replay = replayed(setup, {row(0s, 10s), row(300s, 10s)});
    const Figures& figures = replay->figures();
    CHECK(figures.cold_starts >= 2);
    CHECK(figures.waited_cold == 2);
    CHECK(figures.wait.mean() == Approx(20));
    CHECK(figures.loading >= 40);
    CHECK(figures.busy == Approx(20));
}

TEST_CASE("replay: without cookies and models every wait is that of one ideal queue",
          "[sluice][replay]") {
    const std::vector<TraceRow> rows = generated(20'000, 3);
    Setup setup = fixed(8);
    const auto ours = replayed(setup, rows);
    setup.engine = Engine::ideal;
    const auto ideal = replayed(setup, rows);
    CHECK(ideal->figures().wait.max() > 1);
    CHECK(ours->figures().wait.mean() == Approx(ideal->figures().wait.mean()).epsilon(1e-12));
    CHECK(ours->figures().wait.max() == ideal->figures().wait.max());
    for (const double share : {0.1, 0.5, 0.9, 0.95, 0.99, 0.999})
        CHECK(ours->figures().wait.quantile(share) == ideal->figures().wait.quantile(share));
    CHECK(ours->figures().busy == Approx(ideal->figures().busy));
}

TEST_CASE("replay: model-aware loads less and is faster than either cookie in overload",
          "[sluice][replay]") {
    const std::vector<TraceRow> rows = generated(20'000, 5);
    Setup setup = fixed(12);
    setup.model_load = 5s;
    setup.sessions.enabled = true;
    const auto strict = replayed(setup, rows);
    setup.scheduling.affinity_patience = Duration::zero();
    const auto soft = replayed(setup, rows);
    setup.models_known = true;
    setup.scheduling.affinity_patience.reset();
    const auto aware = replayed(setup, rows);
    CHECK(aware->figures().model_changes < soft->figures().model_changes * 2 / 3);
    CHECK(aware->figures().total.mean() < soft->figures().total.mean());
    CHECK(aware->figures().total.mean() < strict->figures().total.mean());
    for (const auto* each : {&strict, &soft, &aware})
        check_accounts((*each)->figures());
}

TEST_CASE("replay: GPU time adds up to the pods' time", "[sluice][replay]") {
    Setup setup = fixed(4);
    setup.model_load = 2s;
    setup.gpus_per_pod = 2;
    setup.models_known = true;
    std::vector<TraceRow> rows = generated(2'000, 9);
    for (std::size_t i = 0; i < rows.size(); i += 7)
        rows[i].left = 4s;
    for (const Engine engine : {Engine::scheduler, Engine::stock}) {
        setup.engine = engine;
        const auto replay = replayed(setup, rows);
        const Figures& figures = replay->figures();
        const double all = figures.busy + figures.idle + figures.loading + figures.held;
        const std::vector<CurveStep>& steps = figures.curve.steps();
        double pods = 0;
        for (const CurveStep& step : steps)
            pods += step.pod_seconds;
        CHECK(all == Approx(2 * pods).epsilon(0.01));
        check_accounts(figures);
    }
}

TEST_CASE("replay: several requests of one pod at once are one use of its GPU",
          "[sluice][replay]") {
    Setup setup = fixed(1);
    setup.scheduling.concurrency = 2;
    const auto replay = replayed(setup, {row(0s, 10s), row(5s, 10s)});
    CHECK(replay->figures().wait.max() == 0);
    CHECK(replay->figures().busy == Approx(15));
    CHECK(replay->figures().idle == Approx(0).margin(1e-9));
}
