// The whole loop of one revision, driven by a small world of clients and pods under virtual time.
#include "autoscaler/revision_scaler.hpp"

#include <algorithm>
#include <chrono>
#include <random>

#include <catch2/catch.hpp>

#include "common/core/request_stats.hpp"

using namespace autoscaler;
using common::Duration;
using common::Instant;
using namespace std::chrono_literals;

namespace {

ScalingPolicy policy_at(double utilization, PodCount max = 0) {
    Config config;
    config.allow_zero_initial_scale = true;
    RevisionScaling scaling;
    scaling.target_utilization_percentage = utilization;
    scaling.initial_scale = 0;
    scaling.max_scale = max;
    return resolve_policy(scaling, config, 1);
}

Instant at(double offset) {
    return Instant(1000s) + common::from_seconds(offset);
}

// Clients send one request after another to pods that take one at a time.
class World {
  public:
    struct Setup {
        int clients = 5;
        int requests = 50;
        Duration service = 1s;
        Duration load_time = 5s;
        Duration report_phase = 500ms;
        Duration tick_phase = 300ms;
        Duration jitter{};  // of reports, either way
    };

    World(const ScalingPolicy& policy, const Setup& setup)
        : setup_(setup),
          scaler_(policy, begin_ - 10s),
          stats_(begin_ - 10s),
          next_report_(begin_ - 10s + setup.report_phase),
          next_tick_(begin_ - 10s + setup.tick_phase) {
        advance(begin_ - step);
    }

    // Everybody sends at once at `begin`; runs until `until`.
    void run(Duration until) {
        now_ = begin_;
        for (int client = 0; client < setup_.clients; ++client)
            arrive();
        at_once_ = scaler_.replicas();
        advance(begin_ + until);
    }

    void advance(Instant until) {
        for (; now_ <= until; now_ += step) {
            finish_requests();
            if (now_ >= next_report_) report();
            if (now_ >= next_tick_) {
                scaler_.tick(now_, counts());
                next_tick_ += RevisionScaler::tick_period;
            }
            adjust_pods();
            give_work();
            observe();
        }
    }

    PodCount at_once() const { return at_once_; }
    PodCount least_under_load() const { return least_under_load_; }
    PodCount most() const { return most_; }
    PodCount now() const { return scaler_.replicas(); }
    int done() const { return done_; }
    Duration done_after() const { return done_at_ - begin_; }
    Duration zero_after() const { return zero_at_ - begin_; }

  private:
    static constexpr Duration step = 10ms;

    struct Pod {
        Instant ready_at;
        std::optional<Instant> busy_until;
    };

    void arrive() {
        if (sent_ == setup_.requests) return;
        ++sent_;
        ++waiting_;
        stats_.request_in(now_);
        scaler_.poke(now_, 1, counts());
        give_work();
        if (waiting_ > 0) {
            const auto running = static_cast<std::uint32_t>(stats_.concurrency());
            scaler_.demand(now_, {running, waiting_}, counts());
        }
    }

    void finish_requests() {
        for (Pod& pod : pods_) {
            if (!pod.busy_until || *pod.busy_until > now_) continue;
            pod.busy_until.reset();
            stats_.request_out(now_);
            if (++done_ == setup_.requests) done_at_ = now_;
            arrive();
        }
    }

    void give_work() {
        for (Pod& pod : pods_) {
            if (waiting_ == 0) return;
            if (pod.busy_until || pod.ready_at > now_) continue;
            pod.busy_until = now_ + setup_.service;
            --waiting_;
        }
    }

    void adjust_pods() {
        const auto wanted = static_cast<std::size_t>(scaler_.replicas());
        while (pods_.size() < wanted)
            pods_.push_back({now_ + setup_.load_time, {}});
        while (pods_.size() > wanted && !pods_.back().busy_until)
            pods_.pop_back();
    }

    void report() {
        const common::RequestStats::Report report = stats_.report(now_);
        scaler_.report(now_, {report.average_concurrency, report.requests});
        nominal_report_ += 1s;
        const auto spread = setup_.jitter.count();
        next_report_ = begin_ - 10s + setup_.report_phase + nominal_report_ +
                       Duration(std::uniform_int_distribution(-spread, spread)(random_));
    }

    void observe() {
        most_ = std::max(most_, scaler_.replicas());
        if (sent_ == 0) return;
        if (done_ < setup_.requests) {
            least_under_load_ = std::min(least_under_load_, scaler_.replicas());
        } else if (scaler_.replicas() == 0 && zero_at_ == Instant{}) {
            zero_at_ = now_;
        }
    }

    PodCounts counts() const {
        const auto ready = std::count_if(pods_.begin(), pods_.end(),
                                         [&](const Pod& pod) { return pod.ready_at <= now_; });
        PodCounts counts;
        counts.ready = static_cast<std::uint32_t>(ready);
        counts.starting = static_cast<std::uint32_t>(pods_.size()) - counts.ready;
        return counts;
    }

    Setup setup_;
    Instant begin_ = at(100);
    Instant now_ = begin_ - 10s;
    RevisionScaler scaler_;
    common::RequestStats stats_;
    Instant next_report_;
    Instant next_tick_;
    Duration nominal_report_{};
    std::vector<Pod> pods_;
    std::mt19937_64 random_{17};
    int sent_ = 0;
    int done_ = 0;
    std::uint32_t waiting_ = 0;
    PodCount at_once_ = 0;
    PodCount least_under_load_ = 1'000'000;
    PodCount most_ = 0;
    Instant done_at_{};
    Instant zero_at_{};
};

}  // namespace

TEST_CASE("revision scaler: five clients from zero get five pods at once, never six, then zero",
          "[autoscaler]") {
    World::Setup setup;
    setup.report_phase = GENERATE(10ms, 250ms, 500ms, 770ms, 990ms);
    setup.tick_phase = GENERATE(0ms, 20ms, 600ms, 1010ms, 1990ms);
    setup.jitter = GENERATE(0ms, 400ms);
    World world(policy_at(100), setup);
    world.run(200s);
    INFO("reports " << setup.report_phase.count() << " ticks " << setup.tick_phase.count());
    CHECK(world.at_once() == 5);
    CHECK(world.least_under_load() == 5);
    CHECK(world.most() == 5);
    CHECK(world.done() == 50);
    CHECK(world.done_after() <= 15100ms);  // 5 s of loading and ten rounds of 1 s
    CHECK(world.zero_after() >= world.done_after() + 60s + 30s - 1s);
    CHECK(world.zero_after() <= world.done_after() + 60s + 30s + 5s);
}

TEST_CASE("revision scaler: pods are kept while they load longer than the stable window",
          "[autoscaler]") {
    World::Setup setup;
    setup.load_time = 200s;
    setup.requests = 5;
    setup.tick_phase = GENERATE(0ms, 700ms, 1900ms);
    World world(policy_at(100), setup);
    world.run(400s);
    CHECK(world.least_under_load() == 5);
    CHECK(world.most() == 5);
    CHECK(world.done() == 5);
    CHECK(world.now() == 0);
}

TEST_CASE("revision scaler: a steady load keeps its pods for many windows", "[autoscaler]") {
    World::Setup setup;
    setup.requests = 3000;
    setup.jitter = 400ms;
    World world(policy_at(100), setup);
    world.run(500s);
    CHECK(world.done() > 2000);
    CHECK(world.least_under_load() == 5);
    CHECK(world.most() == 5);
}

TEST_CASE("revision scaler: at stock utilisation five at once ask for eight", "[autoscaler]") {
    World world(policy_at(70), World::Setup{});
    world.run(20s);
    CHECK(world.at_once() == 8);
    CHECK(world.most() == 8);
    CHECK(world.least_under_load() == 8);
}

TEST_CASE("revision scaler: early demand respects max-scale and the scale-up rate",
          "[autoscaler]") {
    RevisionScaler capped(policy_at(100, 3), at(0));
    capped.tick(at(0), {});
    const Decision decision = capped.demand(at(1), {5, 5}, {});
    CHECK(decision.replicas == 3);
    CHECK(decision.reason == Reason::max_scale);

    ScalingPolicy slow = policy_at(100);
    slow.decider.max_scale_up_rate = 2;
    RevisionScaler limited(slow, at(0));
    limited.tick(at(0), {});
    for (int request = 0; request < 10; ++request)
        limited.demand(at(1), {50, 50}, {0, 2});
    CHECK(limited.replicas() == 2);  // starting pods do not raise the limit
    limited.demand(at(2), {50, 50}, {2, 0});
    CHECK(limited.replicas() == 4);
}

TEST_CASE("revision scaler: early demand only raises, and what starts already counts",
          "[autoscaler]") {
    RevisionScaler scaler(policy_at(100), at(0));
    scaler.tick(at(0), {});
    scaler.demand(at(1), {5, 5}, {});
    CHECK(scaler.replicas() == 5);
    CHECK(scaler.demand(at(1.1), {5, 5}, {0, 5}).changed() == false);
    CHECK(scaler.demand(at(1.2), {2, 2}, {0, 5}).replicas == 5);
    CHECK(scaler.demand(at(1.3), {6, 6}, {0, 5}).replicas == 6);
}

TEST_CASE("revision scaler: a small burst on many pods holds without panic", "[autoscaler]") {
    RevisionScaler scaler(policy_at(100), at(0));
    for (int second = 0; second < 100; ++second) {
        scaler.report(at(second + 0.5), {3, 1});
        if (second % 2 == 0) scaler.tick(at(second + 0.6), {4, 0});
    }
    REQUIRE(scaler.replicas() == 3);
    scaler.demand(at(100), {5, 1}, {4, 0});
    REQUIRE(scaler.replicas() == 5);
    for (int second = 100; second < 160; second += 2) {
        scaler.report(at(second + 0.5), {3, 1});
        const Decision decision = scaler.tick(at(second + 1), {4, 1});
        REQUIRE(decision.replicas == (second + 1 < 160 ? 5 : 3));
        REQUIRE_FALSE(decision.panicking);
        if (second + 1 < 160) REQUIRE(decision.reason == Reason::early_demand);
    }
    scaler.report(at(161), {3, 1});
    CHECK(scaler.tick(at(161), {5, 0}).replicas == 3);
}

TEST_CASE("revision scaler: the poke decides at once, but only when the last decision was zero",
          "[autoscaler]") {
    RevisionScaler fresh(policy_at(100), at(0));
    CHECK_FALSE(fresh.poke(at(0.5), 1, {}));  // nothing decided yet (contract section 1)
    RevisionScaler scaler(policy_at(100), at(0));
    scaler.tick(at(0), {});
    REQUIRE(scaler.replicas() == 0);
    const std::optional<Decision> decision = scaler.poke(at(1), 1, {});
    REQUIRE(decision);
    CHECK(decision->replicas == 1);
    CHECK(decision_text(*decision) == "first request, 0 ready -> 1 pod (average)");
    CHECK_FALSE(scaler.poke(at(1.1), 1, {}));
}

TEST_CASE("revision scaler: a revision at zero stays there without load", "[autoscaler]") {
    RevisionScaler scaler(policy_at(100), at(0));
    for (int second = 0; second < 1000; ++second) {
        scaler.report(at(second + 0.5), {});
        if (second % 2 == 0) REQUIRE(scaler.tick(at(second + 0.6), {}).replicas == 0);
    }
    CHECK(scaler.active() == Active::no);
}

TEST_CASE("revision scaler: the initial pod comes up, idles a window and a grace, then goes",
          "[autoscaler]") {
    ScalingPolicy policy = policy_at(100);
    policy.bounds.initial = 1;
    policy.grace_after_inactive = GENERATE(true, false);
    RevisionScaler scaler(policy, at(0));
    REQUIRE(scaler.replicas() == 1);
    int zero_at = 0;
    for (int second = 0; second < 300 && zero_at == 0; second += 2) {
        const bool ready = second >= 100;  // a long load
        scaler.report(at(second), {});
        const Decision decision = scaler.tick(at(second), {ready ? 1u : 0u, ready ? 0u : 1u});
        if (second == 50) CHECK(decision.reason == Reason::activating);
        if (second == 120) CHECK(decision.reason == Reason::recently_active);
        if (decision.replicas == 0) zero_at = second;
    }
    CHECK(zero_at == (policy.grace_after_inactive ? 190 : 162));
}

TEST_CASE("revision scaler: retention longer than the grace keeps the last pod", "[autoscaler]") {
    ScalingPolicy policy = policy_at(100);
    policy.bounds.initial = 1;
    policy.to_zero.retention = 120s;
    RevisionScaler scaler(policy, at(0));
    int zero_at = 0;
    for (int second = 0; second < 400 && zero_at == 0; second += 2) {
        if (scaler.tick(at(second), {1, 0}).replicas == 0) zero_at = second;
    }
    CHECK(zero_at == 180);
}

TEST_CASE("revision scaler: a request in the grace period keeps the pod", "[autoscaler]") {
    ScalingPolicy policy = policy_at(100);
    policy.bounds.initial = 1;
    RevisionScaler scaler(policy, at(0));
    for (int second = 0; second <= 80; second += 2)
        scaler.tick(at(second), {1, 0});
    REQUIRE(scaler.active() == Active::no);
    REQUIRE(scaler.replicas() == 1);
    scaler.poke(at(81), 1, {1, 0});
    scaler.report(at(81.5), {0.5, 1});
    for (int second = 82; second <= 140; second += 2) {
        scaler.report(at(second + 0.5), {});
        REQUIRE(scaler.tick(at(second), {1, 0}).replicas == 1);
    }
}

TEST_CASE("revision scaler: replicas stay within the bounds whatever happens", "[autoscaler]") {
    std::mt19937_64 random(GENERATE(range<unsigned>(1, 16)));
    const auto any = [&](int least, int most) {
        return std::uniform_int_distribution(least, most)(random);
    };
    ScalingPolicy policy = policy_at(any(1, 100));
    policy.bounds.min = any(0, 3);
    policy.bounds.max = any(policy.bounds.min + 1, 12);
    policy.aggregation = static_cast<Aggregation>(any(0, 1));
    RevisionScaler scaler(policy, at(0));
    double now = 0;
    std::uint32_t ready = 0;
    for (int round = 0; round < 5000; ++round) {
        now += any(0, 1000) / 1000.0;
        const PodCount before = scaler.replicas();
        const bool panicked = scaler.panicking();
        const auto starting = static_cast<std::uint32_t>(std::max(0, before - int(ready)));
        const auto load = static_cast<std::uint32_t>(any(1, 40));
        switch (any(0, 3)) {
            case 0:
                scaler.report(at(now), {any(0, 3) == 0 ? 0.0 : load / 4.0, 1});
                break;
            case 1:
                scaler.poke(at(now), 1, {ready, starting});
                REQUIRE(scaler.replicas() >= before);
                break;
            case 2:
                scaler.demand(at(now), {load, 1}, {ready, starting});
                REQUIRE(scaler.replicas() >= before);
                break;
            default:
                scaler.tick(at(now), {ready, starting});
                if (panicked && scaler.panicking()) REQUIRE(scaler.replicas() >= before);
        }
        REQUIRE(scaler.replicas() >= policy.bounds.min);
        REQUIRE(scaler.replicas() <= policy.bounds.max);
        ready = static_cast<std::uint32_t>(any(0, scaler.replicas()));
    }
}

TEST_CASE("revision scaler: with the metric rps the rate is what counts", "[autoscaler]") {
    ScalingPolicy policy = policy_at(100);
    policy.decider.metric = Metric::rps;
    policy.decider.target = policy.decider.total = 10;
    policy.early_target = 4;
    RevisionScaler scaler(policy, at(0));
    for (int half = 1; half <= 160; ++half)
        scaler.report(at(half / 2.0), {1, 15});
    CHECK(scaler.averages(at(80)).stable == Approx(30).margin(0.01));
    CHECK(scaler.tick(at(80), {3, 0}).replicas == 3);
    CHECK(scaler.demand(at(80), {17, 5}, {3, 0}).replicas == 5);  // ceil(17 / 4)
}

TEST_CASE("revision scaler: a new policy takes effect with the next decision", "[autoscaler]") {
    RevisionScaler scaler(policy_at(100), at(0));
    for (int second = 0; second < 60; ++second)
        scaler.report(at(second + 0.5), {4, 1});
    CHECK(scaler.tick(at(60), {4, 0}).replicas == 4);
    scaler.set_policy(policy_at(50), at(60));
    CHECK(scaler.tick(at(62), {4, 0}).replicas == 8);
    scaler.set_policy(policy_at(50, 6), at(62));
    CHECK(scaler.tick(at(64), {4, 0}).replicas == 6);
}

TEST_CASE("decision text: says what was seen and what follows", "[autoscaler]") {
    RevisionScaler scaler(policy_at(100), at(0));
    scaler.tick(at(0), {});
    CHECK(decision_text(scaler.demand(at(1), {5, 5}, {0, 1})) ==
          "5 waiting, 0 ready, 1 starting -> 5 pods (early demand)");
    scaler.report(at(1.5), {5, 5});
    CHECK(decision_text(scaler.tick(at(2), {0, 5})) ==
          "average 5 over 1m, 5 over 6s, 0 ready, 5 starting -> still 5 pods (panic)");
}

TEST_CASE("revision scaler: pods that were there already are kept for a stable window",
          "[autoscaler]") {
    RevisionScaler scaler(policy_at(100), at(0));
    scaler.adopt(4, at(0));
    PodCount count = scaler.replicas();
    CHECK(count == 4);
    const auto tick = [&](int second) {
        scaler.report(at(second), {});
        const PodCounts pods{static_cast<std::uint32_t>(count), 0};
        count = scaler.tick(at(second), pods).replicas;
    };
    int second = 1;
    for (; second < 60; ++second) {
        tick(second);
        CHECK(count == 4);
    }
    // Nobody asked for them since: then the averages decide, and the way to zero is as ever.
    for (; count > 0 && second < 300; ++second)
        tick(second);
    CHECK(count == 0);
    CHECK(second > 60 + 30);
}

TEST_CASE("revision scaler: adopted pods that have work stay as long as it does", "[autoscaler]") {
    RevisionScaler scaler(policy_at(100), at(0));
    scaler.adopt(4, at(0));
    for (int second = 1; second < 200; ++second) {
        scaler.report(at(second), {3, 1});
        const PodCount count = scaler.tick(at(second), {4, 0}).replicas;
        CHECK(count == (second < 60 ? 4 : 3));
    }
    RevisionScaler idle(policy_at(100), at(0));
    idle.adopt(0, at(0));
    CHECK(idle.replicas() == 0);
    CHECK(idle.demand(at(1), {2, 2}, {0, 0}).replicas == 2);
}
