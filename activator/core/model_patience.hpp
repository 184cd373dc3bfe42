// How long may a request be passed over by younger ones that want the model which a freed pod
// holds?
//
// Where its owner said nothing (sluice.dev/model-patience), twice the time that the present line
// takes to be served:
//     patience = min(2 x run x waiting / slots, queue budget / 2)        run, patience: seconds
// `run` is the mean time for which a request of late held its slot, loading included; `waiting` are
// the requests that wait now, the one in question included; `slots` are those of all ready pods.
//
// Why it must grow: with pods to spare hardly anybody waits, and order matters little. In overload
// every load that is not made is capacity for those who wait, so that a strict order serves even
// the one who is passed over later than a loose one does. A fixed time fails on both sides: on a
// trace (8 pods, 4 x its speed) 15 s left 71 % of requests paying for a load and a mean total of
// 485 s; 300 s 52 % and 267 s; twice the line 41 % and 154 s, with shorter greatest waits too.
// In units of `run` the rule holds for services of 50 ms as for those of 5 minutes; with half of
// the factor the figures were 234 s, with twice the factor 145 s and a longer tail.
//
// Nobody starves: who has been here for its patience is served before any younger one, and half of
// the queue budget is left to reach a pod in turn before the budget ends with a 504.
//
// Rejected: counting how often a request was passed over (the same number is seconds for one
// service and hours for another); asking for the load time (nobody knows it beforehand).
#pragma once

#include <algorithm>
#include <cstddef>

#include "common/core/time.hpp"

namespace activator {

using common::Duration;

class ModelPatience {
  public:
    // A request held a slot for so long.
    void note_run(Duration took) {
        run_ = started_ ? run_ + (took - run_) / memory : took;
        started_ = true;
    }

    // Before the first run has ended: zero, the line is served in order.
    Duration patience(std::size_t waiting, std::size_t slots, Duration queue_budget) const {
        const Duration most = queue_budget / 2;
        const double line = lines * static_cast<double>(run_.count()) *
                            static_cast<double>(waiting) /
                            static_cast<double>(std::max<std::size_t>(slots, 1));
        if (line >= static_cast<double>(most.count())) return most;
        return Duration(static_cast<Duration::rep>(line));
    }

  private:
    static constexpr double lines = 2;
    // Runs that the mean remembers.
    static constexpr int memory = 16;

    Duration run_{};
    bool started_ = false;
};

}  // namespace activator
