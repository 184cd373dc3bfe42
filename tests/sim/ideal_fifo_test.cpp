// Against the ideal: five pods of one slot, closed-loop clients, lognormal work, no affinity, no
// faults, no network. The scheduler must serve exactly as one queue in front of five servers does
// (Lindley's recursion for several servers: whoever is first takes the server that is free first),
// so every single wait is the same, and with it mean and p99.
#include <algorithm>
#include <functional>
#include <queue>
#include <vector>

#include <catch2/catch.hpp>

#include "activator/core/scheduler.hpp"
#include "common/core/rng.hpp"

namespace {

using namespace activator;

constexpr std::uint64_t pods = 5;
constexpr std::size_t requests = 20'000;

// Service times by order of arrival, so that both see the same work.
std::vector<Duration> service_times(std::uint64_t seed) {
    common::Rng rng(seed);
    std::vector<Duration> times;
    for (std::size_t i = 0; i < requests; ++i) {
        times.push_back(common::from_seconds(rng.lognormal(0.1, 0.6)));
    }
    return times;
}

// A client's next request follows its answer after this pause; distinct, so that no two events
// fall together and the order is defined without tie rules.
Duration pause_of(std::size_t request) {
    return Duration(static_cast<std::int64_t>(1000 + request * 7919 % 1'000'003));
}

// Waits by order of arrival. The next arrival is the earliest of the clients' next requests.
std::vector<Duration> ideal_waits(std::size_t clients, const std::vector<Duration>& service) {
    std::priority_queue<Instant, std::vector<Instant>, std::greater<>> arrivals;
    std::priority_queue<Instant, std::vector<Instant>, std::greater<>> servers;
    for (std::size_t i = 0; i < clients; ++i)
        arrivals.push(Instant{} + pause_of(i));
    for (std::uint64_t i = 0; i < pods; ++i)
        servers.push(Instant{});
    std::vector<Duration> waits;
    for (std::size_t i = 0; i < requests; ++i) {
        const Instant arrival = arrivals.top();
        arrivals.pop();
        const Instant start = std::max(arrival, servers.top());
        servers.pop();
        waits.push_back(start - arrival);
        servers.push(start + service[i]);
        arrivals.push(start + service[i] + pause_of(clients + i));
    }
    return waits;
}

struct Event {
    Instant at;
    std::optional<RequestId> ends;  // else a client sends its next request
    bool operator>(const Event& other) const { return at > other.at; }
};

std::vector<Duration> scheduled_waits(std::size_t clients, const std::vector<Duration>& service) {
    Scheduler scheduler({});
    const RevisionId revision{1};
    scheduler.add_revision(revision, {}, Instant{});
    for (std::uint64_t i = 1; i <= pods; ++i) {
        scheduler.add_pod(revision, PodId{i}, Instant{});
        scheduler.set_pod_ready(PodId{i}, true, Instant{});
    }
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
    for (std::size_t i = 0; i < clients; ++i)
        events.push({Instant{} + pause_of(i), {}});
    std::vector<Duration> waits(requests);
    std::size_t arrived = 0;
    while (!events.empty()) {
        const Event event = events.top();
        events.pop();
        if (event.ends) {
            scheduler.finish(*event.ends, Outcome::done, event.at);
            events.push({event.at + pause_of(clients + event.ends->value), {}});
        } else if (arrived < requests) {
            scheduler.arrive({RequestId{arrived++}, revision, {}, 0, false}, event.at);
        }
        for (const Action& action : scheduler.actions()) {
            if (action.kind != Action::Kind::assign) continue;
            waits[action.request.value] = action.waited_cold + action.waited_queued;
            events.push({event.at + service[action.request.value], action.request});
        }
        scheduler.clear_actions();
    }
    return waits;
}

}  // namespace

TEST_CASE("ideal: every wait equals that of one ideal queue before five servers", "[sim][ideal]") {
    const auto clients = GENERATE(as<std::size_t>{}, 5, 10, 50);
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const std::vector<Duration> service = service_times(seed);
        std::vector<Duration> ideal = ideal_waits(clients, service);
        std::vector<Duration> ours = scheduled_waits(clients, service);
        REQUIRE(ours == ideal);
        // The comparison is about something: with more clients than pods most requests wait.
        std::sort(ideal.begin(), ideal.end());
        if (clients > pods) CHECK(ideal[requests * 99 / 100] > std::chrono::milliseconds(100));
    }
}
