// Requests in order of age, of which some want a model: who is the oldest, and who is the oldest
// that wants this model?
//
// A request that wants no model (any will do) stands in one list. Those that want one stand in a
// list per model, and an index holds the age of each list's oldest: O(log models) for every step,
// and nothing but an empty check where no request names a model. A request stands in exactly one
// list, so that it costs no more memory than in a plain WaitLine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>

#include "activator/core/wait_queue.hpp"

namespace activator {

class ModelLine {
  public:
    explicit ModelLine(std::pmr::memory_resource* memory)
        : any_(memory), models_(memory), heads_(memory) {}

    bool empty() const { return any_.empty() && heads_.empty(); }
    std::size_t size() const { return any_.size() + with_model_; }
    // Null if empty.
    ScheduledRequest* oldest() const;
    // Of those that want this model; null if nobody does. REQUIRES: model != any_model.
    ScheduledRequest* oldest_of(ModelKey model) const;
    // Of those that want any one model; null if all take any.
    ScheduledRequest* oldest_with_model() const {
        return heads_.empty() ? nullptr : heads_.begin()->second->oldest();
    }
    void add(ScheduledRequest& request);
    // REQUIRES: it stands in this line.
    void remove(ScheduledRequest& request);
    // O(n).
    std::size_t count_older(std::uint64_t age) const;
    bool contains(const ScheduledRequest& request) const;

  private:
    WaitLine any_;
    std::pmr::map<ModelKey, WaitLine> models_;       // none is empty
    std::pmr::map<std::uint64_t, WaitLine*> heads_;  // by the age of its oldest
    std::size_t with_model_ = 0;
};

}  // namespace activator
