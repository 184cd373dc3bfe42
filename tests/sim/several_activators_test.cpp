// Several activators before the same pods, against the one ideal queue of ideal_fifo_test.cpp: the
// same five pods of one slot, closed-loop clients dealt out over the activators, lognormal work.
// The pods are the queue-proxy's own admission, slot streams the real ends, and every message takes
// the same time. Nothing fails.
//
// With messages that take no time, every single wait is that of the ideal queue. With messages that
// take 0.1 ms one way (requests, answers and slot messages alike), a request is overtaken only
// where the news of what came before were still under way, and mean and p99 of the waits stay
// within 3 % of the ideal.
#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <vector>

#include <catch2/catch.hpp>

#include "activator/core/scheduler.hpp"
#include "activator/core/slot_want.hpp"
#include "common/core/rng.hpp"
#include "proxy/core/slot_claim.hpp"

namespace {

using namespace activator;

constexpr std::uint64_t pod_count = 5;
// A build with sanitizers is some 40 times slower; it serves fewer.
#if __has_feature(address_sanitizer)
constexpr std::size_t request_count = 3'000;
#else
constexpr std::size_t request_count = 20'000;
#endif
constexpr RevisionId revision{1};

struct Work {
    std::vector<Duration> service;  // by order of arrival
    std::size_t clients;

    // A client's next request follows its answer after this pause; distinct, so that no two events
    // fall together.
    static Duration pause_of(std::size_t request) {
        return Duration(static_cast<std::int64_t>(1000 + request * 7919 % 1'000'003));
    }
};

Work make_work(std::size_t clients, std::uint64_t seed) {
    common::Rng rng(seed);
    Work work{{}, clients};
    for (std::size_t i = 0; i < request_count; ++i)
        work.service.push_back(common::from_seconds(rng.lognormal(0.1, 0.6)));
    return work;
}

using Times = std::priority_queue<Instant, std::vector<Instant>, std::greater<>>;

std::vector<Duration> ideal_waits(const Work& work) {
    Times arrivals;
    Times servers;
    for (std::size_t i = 0; i < work.clients; ++i)
        arrivals.push(Instant{} + Work::pause_of(i));
    for (std::uint64_t i = 0; i < pod_count; ++i)
        servers.push(Instant{});
    std::vector<Duration> waits;
    for (std::size_t i = 0; i < request_count; ++i) {
        const Instant arrival = arrivals.top();
        arrivals.pop();
        const Instant start = std::max(arrival, servers.top());
        servers.pop();
        waits.push_back(start - arrival);
        servers.push(start + work.service[i]);
        arrivals.push(start + work.service[i] + Work::pause_of(work.clients + i));
    }
    return waits;
}

class Fleet {
  public:
    Fleet(const Work& work, std::size_t activators, Duration delay);
    void open_all_streams();
    void run();

    std::vector<Duration> waits;            // by order of arrival, until the pod has it
    std::vector<Instant> arrived, started;  // likewise
    std::size_t refused = 0;

  private:
    struct Pod {
        std::unique_ptr<proxy::Admission> admission;
        std::map<std::uint32_t, proxy::SlotClaim> claims;
    };
    struct Activator {
        Scheduler scheduler{{}};
        std::map<PodId, SlotWant> wants;  // the streams that are open
    };
    struct Event {
        Instant at;
        std::uint64_t turn;
        std::function<void()> happen;
        bool operator>(const Event& other) const {
            return at != other.at ? at > other.at : turn > other.turn;
        }
    };

    void after(Duration time, std::function<void()> happen) {
        events_.push({now_ + time, turn_++, std::move(happen)});
    }
    static std::uint32_t stream(std::size_t activator) {
        return static_cast<std::uint32_t>(activator + 1);
    }
    void open_stream(std::size_t activator, PodId pod);
    void client_asks();
    void follow(std::size_t activator);
    void reach(std::size_t activator, const Action& action);
    void work_ends(std::size_t activator, PodId pod, RequestId request);
    void follow_pod(PodId pod);
    void to_pod(std::size_t activator, PodId pod, SlotMessage message);
    void to_activator(std::size_t activator, PodId pod, SlotMessage message);

    const Work& work_;
    Duration delay_;
    Instant now_{};
    std::uint64_t turn_ = 0;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::vector<std::unique_ptr<Activator>> activators_;
    std::map<PodId, Pod> pods_;
};

Fleet::Fleet(const Work& work, std::size_t activators, Duration delay)
    : waits(request_count), started(request_count), work_(work), delay_(delay) {
    for (std::uint64_t i = 1; i <= pod_count; ++i) {
        Pod& pod = pods_[PodId{i}];
        pod.admission = std::make_unique<proxy::Admission>(
            proxy::AdmissionLimits::of_container_concurrency(1), now_);
    }
    for (std::size_t i = 0; i < activators; ++i) {
        activators_.push_back(std::make_unique<Activator>());
        Scheduler& scheduler = activators_.back()->scheduler;
        scheduler.add_revision(revision, {}, now_);
        for (const auto& [id, pod] : pods_) {
            scheduler.add_pod(revision, id, now_);
            scheduler.set_pod_ready(id, true, now_);
        }
    }
}

void Fleet::run() {
    for (std::size_t i = 0; i < work_.clients; ++i)
        after(Work::pause_of(i), [this] { client_asks(); });
    while (!events_.empty()) {
        const Event event = events_.top();
        events_.pop();
        now_ = event.at;
        event.happen();
    }
}

void Fleet::open_all_streams() {
    for (std::size_t i = 0; i < activators_.size(); ++i) {
        for (const auto& [id, pod] : pods_)
            open_stream(i, id);
    }
}

void Fleet::open_stream(std::size_t number, PodId pod) {
    Activator& activator = *activators_[number];
    if (!activator.wants.try_emplace(pod, now_).second) return;
    pods_[pod].claims.try_emplace(stream(number), stream(number));
    activator.scheduler.reservation_open(pod, now_);
}

void Fleet::client_asks() {
    const std::size_t request = arrived.size();
    if (request == request_count) return;
    arrived.push_back(now_);
    const std::size_t activator = request % activators_.size();
    const Arrival arrival{RequestId{request}, revision, {}, 0, false};
    activators_[activator]->scheduler.arrive(arrival, now_);
    follow(activator);
}

void Fleet::follow(std::size_t number) {
    Activator& activator = *activators_[number];
    // Back-offs and times of reserved pods are not waited for: nobody else moves the time.
    const Instant due = activator.scheduler.next_deadline();
    if (due != Instant::max()) {
        after(std::max(due - now_, Duration{}), [this, number, due] {
            Scheduler& scheduler = activators_[number]->scheduler;
            if (scheduler.next_deadline() > due) return;
            scheduler.tick(now_);
            follow(number);
        });
    }
    const std::vector<Action> actions(activator.scheduler.actions().begin(),
                                      activator.scheduler.actions().end());
    activator.scheduler.clear_actions();
    for (const Action& action : actions) {
        if (action.kind == Action::Kind::reserve) {
            open_stream(number, action.pod);
        }
        if (action.kind != Action::Kind::assign) continue;
        after(delay_, [this, number, action] { reach(number, action); });
    }
    for (auto& [pod, want] : activator.wants) {
        const std::optional<SlotMessage> message =
            want.follow(activator.scheduler.wanted(pod), now_);
        if (message) to_pod(number, pod, *message);
    }
}

void Fleet::reach(std::size_t activator, const Action& action) {
    proxy::AdmissionRequest request;
    request.id = action.request;
    request.when_full = proxy::WhenFull::refuse;
    if (action.granted) request.activator = proxy::ActivatorId{stream(activator)};
    const bool admitted =
        pods_[action.pod].admission->arrive(request, now_) == proxy::Verdict::admitted;
    follow_pod(action.pod);
    if (!admitted) {
        ++refused;
        after(delay_, [this, activator, id = action.request] {
            activators_[activator]->scheduler.finish(id, Outcome::refused, now_);
            follow(activator);
        });
        return;
    }
    const std::size_t index = action.request.value;
    started[index] = now_;
    waits[index] = now_ - arrived[index];
    after(work_.service[index],
          [this, activator, action] { work_ends(activator, action.pod, action.request); });
}

void Fleet::work_ends(std::size_t activator, PodId pod, RequestId request) {
    pods_[pod].admission->release(request, now_);
    follow_pod(pod);
    after(delay_, [this, activator, request] {
        activators_[activator]->scheduler.finish(request, Outcome::done, now_);
        follow(activator);
    });
    after(Work::pause_of(work_.clients + request.value), [this] { client_asks(); });
}

void Fleet::follow_pod(PodId id) {
    Pod& pod = pods_[id];
    const std::vector<proxy::AdmissionAction> actions(pod.admission->actions().begin(),
                                                      pod.admission->actions().end());
    pod.admission->clear_actions();
    for (const proxy::AdmissionAction& action : actions) {
        const std::uint32_t number = proxy::SlotClaim::stream_of(action.reservation);
        to_activator(number - 1, id, pod.claims.at(number).tell(action));
    }
}

void Fleet::to_pod(std::size_t activator, PodId id, SlotMessage message) {
    after(delay_, [this, activator, id, message] {
        Pod& pod = pods_[id];
        pod.admission->tick(now_);
        follow_pod(id);
        const std::optional<SlotMessage> answer =
            pod.claims.at(stream(activator)).hear(message, *pod.admission, now_);
        if (answer) to_activator(activator, id, *answer);
        follow_pod(id);
    });
}

void Fleet::to_activator(std::size_t number, PodId id, SlotMessage message) {
    after(delay_, [this, number, id, message] {
        Activator& activator = *activators_[number];
        SlotWant& want = activator.wants.at(id);
        if (message.kind == SlotMessage::Kind::lapse) {
            want.lapsed(message.number, now_);
        } else if (want.take_grant(message.number, now_)) {
            const bool used = activator.scheduler.grant(id, now_);
            if (!used) to_pod(number, id, SlotWant::give_back(message.number));
        }
        follow(number);
    });
}

double mean_of(const std::vector<Duration>& waits) {
    double sum = 0;
    for (const Duration wait : waits)
        sum += common::to_seconds(wait);
    return sum / static_cast<double>(waits.size());
}

double p99_of(std::vector<Duration> waits) {
    std::sort(waits.begin(), waits.end());
    return common::to_seconds(waits[waits.size() * 99 / 100]);
}

// Requests that started while an older one waited which had been here for more than `news`, and no
// slot anywhere had changed hands within `news` before.
std::size_t overtaken_without_cause(const Fleet& fleet, Duration news) {
    std::vector<std::size_t> by_start(request_count);
    for (std::size_t i = 0; i < request_count; ++i)
        by_start[i] = i;
    std::sort(by_start.begin(), by_start.end(),
              [&](std::size_t a, std::size_t b) { return fleet.started[a] < fleet.started[b]; });
    std::size_t found = 0;
    std::size_t oldest = 0;  // of those that have not started
    std::vector<bool> begun(request_count, false);
    for (std::size_t i = 0; i < request_count; ++i) {
        const std::size_t request = by_start[i];
        begun[request] = true;
        const Instant start = fleet.started[request];
        const bool quiet = i == 0 || start - fleet.started[by_start[i - 1]] > news;
        const bool passed = oldest < request && !begun[oldest] &&
                            fleet.arrived[oldest] + news < std::min(start, fleet.arrived[request]);
        found += quiet && passed ? 1 : 0;
        while (oldest < request_count && begun[oldest])
            ++oldest;
    }
    return found;
}

}  // namespace

TEST_CASE("several activators: with news that take no time, every wait is the ideal one",
          "[sim][ideal]") {
    const auto activators = GENERATE(as<std::size_t>{}, 2, 4);
    const auto clients = GENERATE(as<std::size_t>{}, 5, 10, 50);
    const Work work = make_work(clients, activators + clients);
    Fleet fleet(work, activators, Duration{});
    // The first refusal opens a stream, and until then the pod does not know who waits.
    fleet.open_all_streams();
    fleet.run();
    REQUIRE(fleet.waits == ideal_waits(work));
    CHECK(fleet.refused > 0);
}

TEST_CASE("several activators: news on their way cost no more than their time", "[sim][ideal]") {
    constexpr Duration delay = std::chrono::microseconds(100);
    const auto activators = GENERATE(as<std::size_t>{}, 2, 4);
    const auto clients = GENERATE(as<std::size_t>{}, 10, 50);
    const Work work = make_work(clients, activators + clients);
    Fleet fleet(work, activators, delay);
    fleet.open_all_streams();
    fleet.run();
    const std::vector<Duration> ideal = ideal_waits(work);
    INFO("activators " << activators << ", clients " << clients);
    // One message is in every wait; a slot that passes on costs an answer or grant and a request.
    CHECK(mean_of(fleet.waits) < 1.03 * mean_of(ideal) + 3 * common::to_seconds(delay));
    CHECK(p99_of(fleet.waits) < 1.03 * p99_of(ideal) + 3 * common::to_seconds(delay));
    // An answer (or grant), the request, and the next `want`.
    CHECK(overtaken_without_cause(fleet, 3 * delay) == 0);
}
