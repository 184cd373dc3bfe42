// Stock Knative's activator as a line to compare with (contract activator.md 3): one semaphore per
// revision of concurrency x pods, in order of arrival, then a pod by policy: the first with a free
// slot up to a containerConcurrency of 3, round robin above, of two at random the less loaded
// without a limit. As there, a request on a pod that is gone still holds the semaphore, so that the
// others lose a slot; a client that left keeps its place in the line; and scale-in takes any pod, a
// busy one too.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "common/core/rng.hpp"
#include "sluice/replay/core/dispatcher.hpp"

namespace sluice::replay {

class StockThrottler final : public Dispatcher {
  public:
    // A request waits for at most `timeout`.
    StockThrottler(std::uint32_t concurrency, Duration timeout, std::uint64_t seed)
        : concurrency_(concurrency), timeout_(timeout), random_(seed) {}

    Refusal arrive(const Arrival& arrival, Instant now) override;
    bool abandon(RequestId, Instant) override { return false; }
    void finish(RequestId id, Instant now) override;
    void add_pod(PodId id, Instant now) override;
    void pod_ready(PodId id, Instant now) override;
    void remove_pod(PodId id, Instant now) override;
    void note_session(PodId, Instant) override {}
    void tick(Instant now) override;
    Instant next_deadline() const override;
    std::span<const Action> actions() const override { return actions_; }
    void clear_actions() override { actions_.clear(); }
    Load load() const override { return {line_.size(), running_.size(), ready_.size()}; }
    std::size_t victims(Instant now, std::span<PodId> out) override;

  private:
    struct Waiting {
        RequestId id;
        Instant since;
    };

    void match(Instant now);
    PodId* pick();
    bool has_slot(PodId id) const;

    std::uint32_t concurrency_;
    Duration timeout_;
    common::Rng random_;
    std::deque<Waiting> line_;
    std::unordered_map<RequestId, PodId> running_;
    std::map<PodId, std::uint32_t> in_flight_;  // gone ones too, while they have any
    std::vector<PodId> ready_;                  // in order
    std::vector<PodId> starting_;
    std::size_t last_ = 0;  // of ready_, for round robin
    std::vector<Action> actions_;
};

}  // namespace sluice::replay
