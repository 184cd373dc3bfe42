// Asks pods whether they are ready, until they are. A pod is probed from the moment it exists, and
// again whenever there is reason to doubt it; a pod that serves is left alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

#include "activator/probe_places.hpp"
#include "common/async/task_group.hpp"
#include "common/core/ids.hpp"
#include "common/forward/fetch.hpp"
#include "common/net/address.hpp"
#include "common/time/time_source.hpp"

namespace activator {

// What a queue-proxy at `address` is asked (contract activator.md 2.3), and whether it said that it
// is ready.
common::FetchRequest probe_request(const common::Address& address, common::Duration timeout);
bool says_ready(const common::FetchResult& result);
// It ran out of its time.
bool ran_late(const common::FetchResult& result);

class PodProber {
  public:
    struct Options {
        common::Duration period =
            std::chrono::milliseconds(200);  // PROBE_FREQUENCY, contract activator.md 1.1
        common::Duration timeout = std::chrono::milliseconds(300);  // PROBE_TIMEOUT
    };
    using OnReady = std::function<void(common::PodId)>;

    // All outlive the prober; close() it and the places, and let the tasks end, before it goes
    // away.
    PodProber(common::TaskGroup& tasks, common::TimeSource& time, ProbePlaces& places,
              Options options, OnReady on_ready);

    // Probes the queue-proxy at `address` until it says that it is ready; then on_ready, once. A
    // pod that is being probed already is not probed twice. The first probe waits for `after`.
    void probe(common::PodId id, common::Address address,
               common::Duration after = common::Duration::zero());
    void forget(common::PodId id);
    // Ends all probing.
    void close();

  private:
    common::awaitable<void> run(common::PodId id, common::Address address, std::uint64_t generation,
                                common::Duration after);
    enum class Answer : std::uint8_t { ready, not_ready, late };
    // One probe, when there is a place for it.
    common::awaitable<Answer> ask(common::PodId id, std::uint64_t generation,
                                  const common::Address& address, bool late);
    bool is_current(common::PodId id, std::uint64_t generation) const;
    void count_answered();

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    ProbePlaces& places_;
    Options options_;
    OnReady on_ready_;
    // Which run of a pod's probing counts: one that was forgotten ends by itself.
    std::map<common::PodId, std::uint64_t> probed_;
    std::uint64_t last_generation_ = 0;
    std::size_t answered_ = 0;  // since nobody was probed
};

}  // namespace activator
