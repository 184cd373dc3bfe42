#include "activator/kubernetes/core/wait_target.hpp"

#include <deque>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using activator::kubernetes::counted_share;
using activator::kubernetes::Line;
using activator::kubernetes::ServiceTime;

namespace {

// What is told of the line, in slots.
double slots(double running, double waiting, double service_time, common::Duration target) {
    return counted_share({running, waiting, 0s}, service_time, target) * (running + waiting);
}

}  // namespace

TEST_CASE("wait target: a line that is worked off in time asks for no more slots") {
    CHECK(slots(1, 2, 10, 30s) == 1);  // 20 s of work for one slot
    CHECK(slots(1, 3, 10, 30s) == 1);  // 30 s: just in time
    CHECK(slots(1, 4, 10, 30s) == Approx(4.0 / 3));
    CHECK(slots(2, 6, 10, 30s) == 2);
    CHECK(slots(2, 12, 10, 30s) == Approx(4));
    CHECK(slots(0, 8, 10, 30s) == Approx(8.0 / 3));  // from zero: 3 pods, not 8
}

TEST_CASE("wait target: never less than what runs, than one, nor more than there are requests") {
    CHECK(slots(5, 1, 0.1, 30s) == 5);
    CHECK(slots(0, 1, 0.1, 30s) == 1);
    CHECK(slots(1, 4, 600, 30s) == 5);
    CHECK(slots(0, 1, 600, 1s) == 1);
    CHECK(slots(3, 0, 10, 30s) == 3);
    CHECK(counted_share({}, 10, 30s) == 1);
}

TEST_CASE("wait target: without a service time each request is a slot") {
    CHECK(counted_share({1, 9, 0s}, std::nullopt, 30s) == 1);
}

TEST_CASE("wait target: one that waits too long asks for more than the estimate") {
    CHECK(counted_share({1, 9, 30s}, 10, 30s) * 10 == Approx(3));
    CHECK(counted_share({1, 9, 60s}, 10, 30s) * 10 == Approx(6));
    CHECK(counted_share({1, 9, 600s}, 10, 30s) == 1);
}

TEST_CASE("wait target: the service time is that of the last requests, not of all") {
    ServiceTime time;
    CHECK_FALSE(time.mean());
    time.note(0, 0);
    CHECK_FALSE(time.mean());
    time.note(2, 8);
    CHECK(*time.mean() == Approx(4));
    time.note(2, 8);
    CHECK(*time.mean() == Approx(4));
    time.note(3, 22);  // one of 14 s
    CHECK(*time.mean() == Approx(5));
    time.note(103, 122);  // a hundred of 1 s
    CHECK(*time.mean() == Approx(1).margin(0.001));
}

// One slot for each pod that stock asks for, which takes a while to come; requests that take ten
// seconds each. Nobody waits for longer than the target and the start of a pod, and there are about
// as many pods as the load takes.
TEST_CASE("wait target: as many pods as it takes for the target, and no more") {
    constexpr double service = 10;
    constexpr double start = 20;
    constexpr double target = 30;
    struct Load {
        double every;         // seconds between two requests
        double pods_at_most;  // that may be asked for
    };
    const Load loads[] = {{10.5, 1}, {5.5, 3}, {2.2, 7}, {1.1, 14}};
    for (const Load& load : loads) {
        ServiceTime known;
        known.note(1, service);
        std::deque<double> line;      // when they came
        std::deque<double> running;   // when they end
        std::deque<double> starting;  // when they are there
        double pods = 1;
        double next = 0;
        double longest_wait = 0;
        double most = 1;
        for (double now = 0; now < 600; now += 1) {
            while (!starting.empty() && starting.front() <= now) {
                starting.pop_front();
                ++pods;
            }
            std::erase_if(running, [now](double end) { return end <= now; });
            for (; next <= now; next += load.every)
                line.push_back(next);
            while (!line.empty() && static_cast<double>(running.size()) < pods) {
                longest_wait = std::max(longest_wait, now - line.front());
                line.pop_front();
                running.push_back(now + service);
            }
            Line view;
            view.running = static_cast<double>(running.size());
            view.waiting = static_cast<double>(line.size());
            if (!line.empty()) view.oldest_waits = common::from_seconds(now - line.front());
            const double told = counted_share(view, known.mean(), common::from_seconds(target)) *
                                (view.running + view.waiting);
            while (pods + static_cast<double>(starting.size()) < std::ceil(told))
                starting.push_back(now + start);
            most = std::max(most, pods + static_cast<double>(starting.size()));
        }
        CAPTURE(load.every, most, longest_wait);
        CHECK(longest_wait <= target + start);
        CHECK(most <= load.pods_at_most);
    }
}
