// How long will a waiting request wait? An estimate for people, from what is known now:
//
//   slot s is free in f(s): the mean run time less the age of what runs there (at least 0); for a
//   pod that still starts, the mean cold start less its age;
//   the request at position p (0 is next) gets slot p mod n of the n slots in the order in which
//   they become free, after p div n whole runs there: f(p mod n) + (p div n) x mean run.
//
// It takes every run for average, and knows nothing of requests that wait for a certain pod, or of
// pods that are not asked for yet. Rejected: a simulation with the spread of run times; nobody can
// check its numbers by head, and they are no promise either.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "common/core/time.hpp"

namespace activator {

class WaitEstimate {
  public:
    // One entry for each slot. `unlimited`: a pod takes any number at once.
    WaitEstimate(std::vector<common::Duration> free_in, common::Duration mean_run, bool unlimited)
        : free_in_(std::move(free_in)), mean_run_(mean_run), unlimited_(unlimited) {
        for (common::Duration& wait : free_in_)
            wait = std::max(wait, common::Duration::zero());
        std::sort(free_in_.begin(), free_in_.end());
    }

    // Empty: there is no slot, or will be none that is known.
    std::optional<common::Duration> at(std::size_t position) const {
        if (free_in_.empty()) return std::nullopt;
        if (unlimited_) return free_in_.front();
        const auto rounds = static_cast<common::Duration::rep>(position / free_in_.size());
        return free_in_[position % free_in_.size()] + rounds * mean_run_;
    }

  private:
    std::vector<common::Duration> free_in_;
    common::Duration mean_run_;
    bool unlimited_;
};

}  // namespace activator
