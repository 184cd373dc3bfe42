#include "tests/sim/world.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sim {
namespace {

enum Stream : std::uint64_t {
    scenario_stream,
    arrival_stream,
    service_stream,
    network_stream,
    fault_stream
};

constexpr double connect_timeout_s = 1.0;

// How long a slot may be idle while an activator wants it: a message is up to 0.3 s late
// (links.cpp), an end that broke is noticed within 0.5 s, and a lease is 1 s.
constexpr Duration idle_bound = std::chrono::milliseconds(1800);

}  // namespace

Scenario::Scenario(common::Rng rng) {
    static constexpr std::uint32_t limits_of_pods[] = {1, 1, 1, 1, 2, 3, 10, 0};
    policy.concurrency = limits_of_pods[rng.below(8)];
    policy.queue_limit = 3 + rng.below(150);
    policy.cold_start_timeout = common::from_seconds(0.5 + 8 * rng.uniform());
    policy.queue_timeout = common::from_seconds(0.5 + 8 * rng.uniform());
    const std::uint64_t patience = rng.below(4);
    if (patience == 1) policy.affinity_patience = Duration{};
    if (patience >= 2) policy.affinity_patience = common::from_seconds(2 * rng.uniform());
    limits.queue_bytes = rng.chance(0.3) ? 20'000 : 1'000'000;
    activators = rng.chance(0.6) ? 1 : 1 + rng.below(4);
    pods = 1 + rng.below(8);
    service_median_s = 0.02 + 0.2 * rng.uniform();
    service_sigma = 0.2 + 1.3 * rng.uniform();
    const double load = 0.3 + 1.2 * rng.uniform();
    const double slots = static_cast<double>(pods * std::max(policy.concurrency, 1U));
    arrival_mean_s = service_median_s / (load * slots);
    fault_mean_s = 0.05 + 3 * rng.uniform();
    abandons = 0.5 * rng.uniform();
    pinned = rng.uniform();
    controls = 0.2 * rng.uniform();
    if (rng.chance(0.5)) models = 1 + rng.below(6);
    const std::uint64_t waits = rng.below(3);
    if (waits == 1) policy.model_patience = common::from_seconds(2 * rng.uniform());
}

std::uint32_t World::Pod::counted() const {
    return static_cast<std::uint32_t>(
        std::count_if(jobs.begin(), jobs.end(), [](const Job& job) { return !job.control; }));
}

World::World(std::uint64_t seed)
    : root_(seed),
      arrivals_(root_.fork(arrival_stream)),
      services_(root_.fork(service_stream)),
      network_(root_.fork(network_stream)),
      faults_(root_.fork(fault_stream)),
      scenario_(root_.fork(scenario_stream)),
      true_limit_(scenario_.policy.concurrency) {
    activators_.resize(scenario_.activators);
    for (std::uint64_t i = 0; i < scenario_.activators; ++i)
        make_activator(i);
}

World::Totals World::totals() const {
    Totals sums = past_;
    for (const Activator& activator : activators_)
        sums.add(activator.ledger->totals());
    return sums;
}

void World::at(Instant when, std::function<void()> happen) {
    queue_.push({when, event_numbers_++, std::move(happen)});
}

void World::after(double seconds, std::function<void()> happen) {
    at(now_ + common::from_seconds(seconds), std::move(happen));
}

void World::after_at(std::uint64_t activator, double seconds, std::function<void()> happen) {
    after(seconds, [this, activator, life = activators_[activator].life,
                    happen = std::move(happen)] { happen_at(activator, life, happen); });
}

void World::happen_at(std::uint64_t number, std::uint64_t life, std::function<void()> happen) {
    const Activator& activator = activators_[number];
    if (life != activator.life) return;
    if (now_ >= activator.stands_still_until) {
        happen();
        return;
    }
    at(activator.stands_still_until,
       [this, number, life, happen = std::move(happen)] { happen_at(number, life, happen); });
}

bool World::step() {
    if (queue_.empty()) return false;
    const Event event = queue_.top();
    queue_.pop();
    now_ = event.at;
    ++events_;
    event.happen();
    for (auto& [id, pod] : pods_)
        check_idle(id, pod);
    return true;
}

void World::check_idle(PodId id, Pod& pod) {
    bool wanted = false;
    if (pod.up && !pod.black_hole && !pod.leaving && pod.limit != 0) {
        const proxy::AdmissionCounts counts = pod.admission->counts();
        const bool idle = counts.running + counts.held + counts.granted < pod.limit;
        for (std::size_t i = 0; idle && !wanted && i < activators_.size(); ++i) {
            const Activator& activator = activators_[i];
            wanted = now_ >= activator.stands_still_until && activator.ledger->wanted(id);
        }
    }
    if (!wanted) {
        pod.idle_since = Instant::max();
    } else if (pod.idle_since == Instant::max()) {
        pod.idle_since = now_;
    } else if (now_ - pod.idle_since > idle_bound) {
        fault("idle", id);
        throw std::logic_error("a slot is idle for too long while a request waits for it");
    }
}

void World::run(std::uint64_t events) {
    for (std::uint64_t i = 0; i < scenario_.pods; ++i)
        start_pod();
    client_arrives();
    next_fault();
    while (events_ < events && step()) {
    }
    come_to_rest();
}

void World::come_to_rest() {
    quiet_ = true;
    const Instant begun = now_;
    for (auto& [id, pod] : pods_) {
        pod.black_hole = false;
        if (!pod.up && !pod.leaving) restart(id, 0.1);
    }
    start_pod();
    while (step()) {
    }
    for (const Activator& activator : activators_) {
        if (activator.ledger->unfinished() != 0) {
            throw std::logic_error("requests are left over when everything is at rest");
        }
    }
    // Every wait ends by its budget (at most 9 s each), every run in 20 times its median (5 s).
    if (now_ - begun > std::chrono::seconds(120)) {
        throw std::logic_error("it took too long to come to rest");
    }
}

// --- Clients

void World::client_arrives() {
    if (quiet_) return;
    const std::uint64_t activator = arrivals_.below(activators_.size());
    // Nobody notices that an activator stands still, but its clients' requests wait outside.
    after_at(activator, 0, [this, activator] { one_request(activator); });
    after(arrivals_.exponential(scenario_.arrival_mean_s), [this] { client_arrives(); });
}

void World::one_request(std::uint64_t number) {
    Activator& activator = activators_[number];
    Arrival arrival;
    arrival.id = RequestId{activator.next_request++};
    arrival.revision = Ledger::revision();
    arrival.bytes = arrivals_.below(2000);
    arrival.control = arrivals_.chance(scenario_.controls);
    const bool pinned = arrivals_.chance(scenario_.pinned);
    const std::uint64_t choice = arrivals_.below(1000);
    if (pinned) arrival.pinned = activator.ledger->some_pod(choice);
    if (pinned && choice == 0) arrival.pinned = PodId{999'999};
    if (scenario_.models > 0 && arrivals_.chance(0.9)) {
        arrival.model = 1 + std::min(arrivals_.below(scenario_.models), arrivals_.below(6));
    }
    const bool leaves = arrivals_.chance(scenario_.abandons);
    const double stays_s = arrivals_.chance(0.2) ? 0.0 : arrivals_.exponential(1.0);
    activator.ledger->arrive(arrival, now_);
    follow_up(number);
    if (!leaves) return;
    after_at(number, stays_s, [this, number, id = arrival.id] {
        activators_[number].ledger->abandon(id, now_);
        follow_up(number);
    });
}

void World::follow_up(std::uint64_t number) {
    Activator& activator = activators_[number];
    for (const Assignment& assignment : activator.ledger->take_assigned()) {
        const auto link = activator.links.find(assignment.pod);
        const bool granted = assignment.granted && link != activator.links.end();
        after(0.0001 + 0.002 * network_.uniform(),
              [this, number, life = activator.life, assignment, link = granted ? link->second : 0] {
                  reach_pod(number, life, assignment, link);
              });
    }
    for (const PodId pod : activator.ledger->take_reserved())
        open_link(number, pod);
    follow_links(number);
    arm_timer(number);
}

void World::arm_timer(std::uint64_t number) {
    Activator& activator = activators_[number];
    const Instant due = activator.ledger->next_deadline();
    if (due >= activator.timer) return;
    activator.timer = due;
    const double late_s = network_.chance(0.1) ? 0.05 * network_.uniform() : 0.0;
    after_at(number, common::to_seconds(due - now_) + late_s, [this, number] {
        activators_[number].timer = Instant::max();
        activators_[number].ledger->tick(now_);
        follow_up(number);
    });
}

// --- Pods and what they answer

void World::reach_pod(std::uint64_t activator, std::uint64_t life, const Assignment& assignment,
                      std::uint32_t link) {
    Pod& pod = pods_[assignment.pod];
    const Job job{activator, life, assignment.request, assignment.control, ++job_numbers_};
    if (pod.black_hole) {
        report_once(job, Outcome::unreachable, connect_timeout_s);
        return;
    }
    if (!pod.up) {
        report_once(job, Outcome::unreachable, 0.001);
        return;
    }
    proxy::AdmissionRequest request;
    request.id = proxy::RequestId{job.number};
    request.lane = job.control ? proxy::Lane::control : proxy::Lane::app;
    request.when_full = proxy::WhenFull::refuse;
    request.activator = proxy::ActivatorId{link};
    const proxy::Verdict verdict = pod.admission->arrive(request, now_);
    follow_pod(assignment.pod);
    if (verdict == proxy::Verdict::admitted) {
        start_job(assignment.pod, job);
        return;
    }
    report_once(job, Outcome::refused, 0.001);
    // Somebody may ask whether the pod is ready, whatever it refused.
    if (network_.chance(0.1) && activators_[activator].probing.insert(assignment.pod).second) {
        after_at(activator, 0.05, [this, activator, id = assignment.pod] { probe(activator, id); });
    }
}

void World::start_job(PodId id, const Job& job) {
    Pod& pod = pods_[id];
    pod.jobs.push_back(job);
    if (pod.limit != 0 && pod.counted() > pod.limit) {
        throw std::logic_error("a pod works on more requests than its limit");
    }
    if (!started_.insert({job.activator, job.life, job.request}).second) {
        throw std::logic_error("a request runs twice");
    }
    const double median = job.control ? 0.005 : scenario_.service_median_s;
    const double takes = services_.lognormal(median, scenario_.service_sigma);
    after(std::min(takes, 20 * median), [this, id, number = job.number] { job_ends(id, number); });
}

void World::job_ends(PodId id, std::uint64_t number) {
    Pod& pod = pods_[id];
    const auto found = std::find_if(pod.jobs.begin(), pod.jobs.end(),
                                    [number](const Job& job) { return job.number == number; });
    if (found == pod.jobs.end()) return;  // it died in a crash
    const Job job = *found;
    pod.jobs.erase(found);
    pod.admission->release(proxy::RequestId{number}, now_);
    follow_pod(id);
    report(job, Outcome::done);
}

void World::report(const Job& job, Outcome outcome) {
    const double lag = 0.0001 + 0.002 * network_.uniform();
    const double late = network_.chance(0.03) ? network_.exponential(0.5) : 0.0;
    report_once(job, outcome, lag + late);
    if (network_.chance(0.02)) report_once(job, outcome, network_.exponential(0.5));
}

void World::report_once(const Job& job, Outcome outcome, double delay) {
    after(delay, [this, job, outcome] {
        happen_at(job.activator, job.life, [this, job, outcome] {
            activators_[job.activator].ledger->finish(job.request, outcome, now_);
            follow_up(job.activator);
        });
    });
}

void World::probe(std::uint64_t number, PodId id) {
    activators_[number].probing.erase(id);
    Ledger& ledger = *activators_[number].ledger;
    const Pod& pod = pods_[id];
    if (!ledger.knows(id) || !pod.up || pod.black_hole) return;
    ledger.set_pod_ready(id, true, now_);
    follow_up(number);
}

void World::make_activator(std::uint64_t number) {
    Activator activator;
    activator.ledger =
        std::make_unique<Ledger>(number, scenario_.policy, scenario_.limits, now_, trace_);
    activator.life = activators_[number].life + 1;
    activators_[number] = std::move(activator);
}

}  // namespace sim
