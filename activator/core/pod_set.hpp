// Which pod of a revision takes the next request?
//
// PodSlots is one pod: its slots, its standing, and the line of requests that wait for it alone.
// PodSet indexes the pods of one revision: those with a free slot by (in flight, age), those that
// may get control requests by (draining, load, age). Age is the PodId (later pods have greater
// ids), so that equal pods are used oldest first and the newest fall idle, which is what scale-in
// wants. After any change of a pod, refresh() brings the indexes and sums in line: O(log pods).
//
// Deliberately not here: who waits, and when a back-off ends.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <optional>
#include <set>

#include "activator/core/model_line.hpp"
#include "activator/core/model_pods.hpp"
#include "common/core/ids.hpp"
#include "common/core/time.hpp"

namespace activator {

// Sort key of a pod in an index.
struct PodRank {
    std::uint64_t load = 0;  // what the index prefers the least of
    PodId id;                // then the oldest
    friend auto operator<=>(const PodRank&, const PodRank&) = default;
};

// Whether a pod that is ready is given requests.
enum class Standing : std::uint8_t {
    good,
    backing_off,  // not before its time: it failed, or refused a request and grants no slots
    reserved      // it refused a request as busy: only with a slot that its queue-proxy has granted
};

struct PodSlots {
    PodSlots(PodId id_, RevisionQueue& revision_, std::pmr::memory_resource* memory)
        : id(id_), revision(&revision_), line(memory) {}

    PodId id;
    RevisionQueue* revision;
    ModelLine line;  // requests that wait for this pod and no other
    std::uint32_t in_flight = 0;
    std::uint32_t controls = 0;
    std::uint32_t failures = 0;  // in a row, for the length of the next back-off
    bool present = true;         // in discovery; if not, the entry lives until it is idle
    bool ready = false;
    bool draining = false;
    Standing standing = Standing::good;
    bool backoff_blocks_controls = false;
    // Backing off: until then. Reserved: at least until then, and while anybody waits who may run
    // here; `timed` says that the time is still to come.
    Instant standing_until{};
    bool timed = false;
    // A slot stream is open: others use the pod too, and reservations can be left at once.
    bool contested = false;
    Instant sessions_live_until{};
    Instant idle_since{};
    PodModel model;

    // What PodSet has on its books for this pod; only PodSet writes these.
    std::optional<PodRank> free_rank;
    std::optional<PodRank> control_rank;
    std::size_t slots_counted = 0;
    bool ready_counted = false;
    bool in_reserved_idle = false;

    // Requests may wait for it.
    bool stays() const { return present && !draining; }
    bool may_be_given() const { return present && ready && !draining; }
    bool usable() const { return may_be_given() && standing == Standing::good; }
    bool usable_for_controls() const {
        return present && ready && !(standing == Standing::backing_off && backoff_blocks_controls);
    }
    bool has_free_slot(std::uint32_t concurrency) const {
        return usable() && (concurrency == 0 || in_flight < concurrency);
    }
    bool idle() const { return in_flight == 0 && controls == 0; }
    // As has_free_slot(), as of the last refresh.
    bool free() const { return free_rank.has_value(); }
};

class PodSet {
  public:
    explicit PodSet(std::pmr::memory_resource* memory)
        : pods_(memory),
          free_(memory),
          for_controls_(memory),
          reserved_idle_(memory),
          models_(memory) {}

    void add(PodSlots& pod, std::uint32_t concurrency);
    // Takes the pod off all books. REQUIRES: it was added.
    void remove(PodSlots& pod);
    // Call after any change of the pod's fields or of `concurrency` (0 = unlimited).
    void refresh(PodSlots& pod, std::uint32_t concurrency);

    // The pod that gets the next request that any pod may run; null if no slot is free.
    PodSlots* best_free() const { return free_.empty() ? nullptr : free_.begin()->second; }
    PodSlots* best_for_control() const {
        return for_controls_.empty() ? nullptr : for_controls_.begin()->second;
    }
    // A pod that is reserved for nobody: its time is over and its own line empty (the shared line
    // is not looked at). Null if there is none.
    PodSlots* first_reserved_idle() const {
        return reserved_idle_.empty() ? nullptr : reserved_idle_.begin()->second;
    }
    // The pod for a request that wants this model, by the order in model_pods.hpp; null if no slot
    // is free.
    PodSlots* best_free_for(ModelKey model, Instant now) const;
    // From now on pods are chosen by the models they hold.
    void use_models(std::uint32_t concurrency);
    bool uses_models() const { return models_.active(); }
    // Pods that could be given requests if they had a slot and good standing.
    std::size_t ready_count() const { return ready_count_; }
    // SIZE_MAX if unlimited.
    std::size_t slots_free(std::uint32_t concurrency) const;
    const std::pmr::map<PodId, PodSlots*>& all() const { return pods_; }
    const std::pmr::map<PodRank, PodSlots*>& free_pods() const { return free_; }
    const std::pmr::map<PodRank, PodSlots*>& control_pods() const { return for_controls_; }
    const ModelPods& models() const { return models_; }

  private:
    using Index = std::pmr::map<PodRank, PodSlots*>;
    static void move_in(Index& index, PodSlots& pod, std::optional<PodRank>& from,
                        const std::optional<PodRank>& to);
    void list_reserved_idle(PodSlots& pod, bool listed);

    std::pmr::map<PodId, PodSlots*> pods_;
    Index free_;
    Index for_controls_;
    std::pmr::map<PodId, PodSlots*> reserved_idle_;
    ModelPods models_;
    std::size_t ready_count_ = 0;
    std::size_t slots_free_ = 0;
};

}  // namespace activator
