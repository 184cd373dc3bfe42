// What goes wrong in a simulated world.
#include <algorithm>
#include <utility>

#include "tests/sim/world.hpp"

namespace sim {

void World::fault(const char* what, PodId pod, std::uint64_t detail) {
    trace_.add({now_, what, 99, 0, pod.value, detail});
}

void World::tell(PodId id, const std::function<void(Ledger&, Instant)>& news) {
    for (std::uint64_t i = 0; i < activators_.size(); ++i) {
        const double lag = faults_.chance(0.2) ? 0.5 * faults_.uniform() : 0.01 * faults_.uniform();
        Instant& last = activators_[i].last_news[id];
        last = std::max(last, now_ + common::from_seconds(lag));
        at(last, [this, i, life = activators_[i].life, news] {
            happen_at(i, life, [this, i, news] {
                news(*activators_[i].ledger, now_);
                follow_up(i);
            });
        });
    }
}

std::optional<PodId> World::living_pod() {
    std::vector<PodId> living;
    for (const auto& [id, pod] : pods_) {
        if (!pod.leaving) living.push_back(id);
    }
    if (living.empty()) return std::nullopt;
    return living[faults_.below(living.size())];
}

void World::next_fault() {
    if (quiet_) return;
    after(faults_.exponential(scenario_.fault_mean_s), [this] {
        if (quiet_) return;
        const std::optional<PodId> pod = living_pod();
        const std::uint64_t kind = faults_.below(12);
        if (!pod || kind == 0) {
            start_pod();
        } else if (kind == 1) {
            crash(*pod);
        } else if (kind == 2) {
            black_hole(*pod);
        } else if (kind == 3) {
            flap(*pod);
        } else if (kind == 4) {
            drain(*pod);
        } else if (kind == 5) {
            vanish_and_return(*pod);
        } else if (kind == 6) {
            change_capacity();
        } else if (kind == 7) {
            kill_activator(faults_.below(activators_.size()));
        } else if (kind == 8) {
            stand_still(faults_.below(activators_.size()));
        } else if (kind == 9) {
            break_links(*pod, 0.5);
        } else {
            burst();
        }
        next_fault();
    });
}

void World::start_pod() {
    const PodId id{next_pod_++};
    pods_[id];
    const double start_s = faults_.chance(0.3) ? 3 * faults_.uniform() : 0.2 * faults_.uniform();
    fault("start", id);
    tell(id, [id](Ledger& ledger, Instant now) { ledger.add_pod(id, now); });
    restart(id, start_s);
    // No more pods than the scenario wants, roughly.
    if (pods_.size() > scenario_.pods + 2) {
        if (const std::optional<PodId> other = living_pod(); other && other != id) drain(*other);
    }
}

void World::restart(PodId id, double seconds) {
    after(seconds, [this, id] {
        const auto found = pods_.find(id);
        if (found == pods_.end() || found->second.leaving) return;
        if (!found->second.up) {
            found->second.up = true;
            found->second.limit = true_limit_;
            found->second.timer = Instant::max();
            found->second.admission = std::make_unique<proxy::Admission>(
                proxy::AdmissionLimits::of_container_concurrency(true_limit_), now_);
        }
        fault("up", id);
        tell(id, [id](Ledger& ledger, Instant now) { ledger.set_pod_ready(id, true, now); });
    });
}

void World::crash(PodId id) {
    Pod& pod = pods_[id];
    if (!pod.up) return;
    fault("crash", id, pod.jobs.size());
    pod.up = false;
    pod.admission.reset();
    // Mostly its end is told at once; a machine that dies tells nobody.
    for (auto& [number, link] : links_) {
        if (link.pod == id) link.pod_end = false;
    }
    break_links(id, faults_.chance(0.8) ? 0.005 : 0.5);
    const std::vector<Job> lost = std::exchange(pod.jobs, {});
    for (const Job& job : lost) {
        if (faults_.chance(0.5)) {
            report(job, Outcome::failed);
            continue;
        }
        started_.erase({job.activator, job.life, job.request});
        after(0.001, [this, job] {
            happen_at(job.activator, job.life, [this, job] {
                activators_[job.activator].ledger->requeue(job.request, now_);
                follow_up(job.activator);
            });
        });
    }
    if (faults_.chance(0.7)) {
        tell(id, [id](Ledger& ledger, Instant now) { ledger.set_pod_ready(id, false, now); });
    }
    restart(id, 0.05 + faults_.exponential(0.5));
}

void World::black_hole(PodId id) {
    fault("black hole", id);
    pods_[id].black_hole = true;
    if (faults_.chance(0.5)) break_links(id, 0.5);
    after(faults_.exponential(1.0), [this, id] {
        if (const auto found = pods_.find(id); found != pods_.end()) {
            found->second.black_hole = false;
        }
    });
}

void World::stand_still(std::uint64_t number) {
    Activator& activator = activators_[number];
    // Not longer than it was told first: what came meanwhile would come out of order.
    if (now_ <= activator.stands_still_until) return;
    activator.stands_still_until = now_ + common::from_seconds(faults_.exponential(1.5));
    fault("stands still", {}, number);
}

// Its requests are lost; what runs at the pods runs on there, for nobody. Another one comes up in
// its place and hears of the pods as they are.
void World::kill_activator(std::uint64_t number) {
    fault("dies", {}, number);
    Activator& dead = activators_[number];
    past_.add(dead.ledger->totals());
    past_.lost += dead.ledger->unfinished();
    for (auto& [link_number, link] : links_) {
        if (link.activator == number && link.activator_end) {
            link.activator_end = false;
            break_link(link, 0.005);
        }
    }
    for (auto& [id, pod] : pods_) {
        for (const Job& job : pod.jobs) {
            if (job.activator != number || job.life != dead.life) continue;
            pod.admission->hold(proxy::RequestId{job.number}, Duration::max(), now_);
        }
        if (pod.up) follow_pod(id);
    }
    make_activator(number);
    for (const auto& [id, pod] : pods_) {
        if (pod.leaving) continue;
        after_at(number, 0.05 * faults_.uniform(), [this, number, id] {
            Ledger& ledger = *activators_[number].ledger;
            if (!ledger.knows(id)) ledger.add_pod(id, now_);
            ledger.set_pod_ready(id, pods_[id].up, now_);
            follow_up(number);
        });
    }
}

void World::flap(PodId id) {
    fault("flap", id);
    for (std::uint64_t i = 0; i < 1 + faults_.below(5); ++i) {
        tell(id, [id](Ledger& ledger, Instant now) { ledger.set_pod_ready(id, false, now); });
        if (faults_.chance(0.9)) {
            tell(id, [id](Ledger& ledger, Instant now) { ledger.set_pod_ready(id, true, now); });
        }
    }
    restart(id, 1.0);
}

void World::drain(PodId id) {
    fault("drain", id);
    pods_[id].leaving = true;
    tell(id, [id](Ledger& ledger, Instant now) { ledger.drain_pod(id, now); });
    after(faults_.exponential(1.0), [this, id] {
        tell(id, [id](Ledger& ledger, Instant now) { ledger.remove_pod(id, now); });
        // Its process lives on until its jobs have ended; the entry stays for late arrivals.
    });
}

void World::vanish_and_return(PodId id) {
    fault("vanish", id, pods_[id].jobs.size());
    tell(id, [id](Ledger& ledger, Instant now) { ledger.remove_pod(id, now); });
    after(faults_.exponential(0.1), [this, id] {
        tell(id, [id](Ledger& ledger, Instant now) {
            if (ledger.knows(id)) return;
            ledger.add_pod(id, now);
            ledger.set_pod_ready(id, true, now);
        });
    });
}

void World::change_capacity() {
    true_limit_ = static_cast<std::uint32_t>(faults_.below(5));
    scenario_.policy.concurrency = true_limit_;
    fault("capacity", {}, true_limit_);
    const RevisionPolicy policy = scenario_.policy;
    for (std::uint64_t i = 0; i < activators_.size(); ++i) {
        after_at(i, 0.3 * faults_.uniform(), [this, i, policy] {
            activators_[i].ledger->set_policy(policy, now_);
            follow_up(i);
        });
    }
}

void World::burst() {
    const std::uint64_t size = 5 + faults_.below(100);
    fault("burst", {}, size);
    for (std::uint64_t i = 0; i < size; ++i) {
        const std::uint64_t activator = arrivals_.below(activators_.size());
        after_at(activator, 0, [this, activator] { one_request(activator); });
    }
}

}  // namespace sim
