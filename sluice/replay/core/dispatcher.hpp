// Who decides which request goes to which pod: the scheduler of the activator itself, or a policy
// to compare it with. Calls and results are those of activator::Scheduler for one revision.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "activator/core/scheduler.hpp"

namespace sluice::replay {

using activator::Action;
using activator::Arrival;
using activator::Duration;
using activator::Instant;
using activator::PodId;
using activator::Refusal;
using activator::RequestId;

struct Load {
    std::size_t waiting = 0;
    std::size_t running = 0;
    std::size_t pods_ready = 0;
};

class Dispatcher {
  public:
    virtual ~Dispatcher() = default;

    virtual Refusal arrive(const Arrival& arrival, Instant now) = 0;
    // False: it does not wait, or its place is not taken back.
    virtual bool abandon(RequestId id, Instant now) = 0;
    // Its slot is free.
    virtual void finish(RequestId id, Instant now) = 0;
    virtual void add_pod(PodId id, Instant now) = 0;
    virtual void pod_ready(PodId id, Instant now) = 0;
    virtual void remove_pod(PodId id, Instant now) = 0;
    virtual void note_session(PodId id, Instant until) = 0;
    virtual void tick(Instant now) = 0;
    virtual Instant next_deadline() const = 0;
    virtual std::span<const Action> actions() const = 0;
    virtual void clear_actions() = 0;
    virtual Load load() const = 0;
    // Up to out.size() pods that scale-in takes away next; returns how many were found.
    virtual std::size_t victims(Instant now, std::span<PodId> out) = 0;
};

inline constexpr activator::RevisionId replayed_revision{1};

// The real one. `now`: when the revision begins.
std::unique_ptr<Dispatcher> make_scheduler(const activator::RevisionPolicy& policy, Instant now);

}  // namespace sluice::replay
