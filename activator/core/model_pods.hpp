// Which free pod should run a request that wants a model?
//
// A pod holds one model: that of the last request it was given that named one. In this order:
//  1. a free pod that holds the model: fewest in flight, then oldest;
//  2. an idle pod that holds none (it has to load in any case): oldest;
//  3. the idle pod whose model is worth the least:
//         worth = uses / time since its last use
//     where `uses` counts the requests that the pod ran with its present model, rounded down to a
//     power of two and cut at 128; the unit is requests per nanosecond, and only the order counts;
//  4. a free pod that is busy with other requests: fewest in flight, then oldest.
// Frequency and recency are both needed. The least recently used pod (worth without `uses`) loses a
// model that a whole house uses to one visitor's try, and a mere count keeps what was in fashion
// last week: on a trace of a Stable Diffusion service with 87 models on 8 pods a load is paid by
// 31.4 % of requests with the first, 32.9 % with the second, 29.7 % with their quotient. A second
// pod with a popular model starts from one use, so that it goes first when the rush is over.
// The exact quotient would order the pods anew with every moment; in classes by power of two the
// order within a class never changes (least recently used first), so that only the heads of eight
// classes are compared: O(log pods).
//
// Rejected: letting a request wait, beside an idle pod, for a busy one that holds its model. It
// saves some more loads (to 25 % with a wait of 10 s) and hardly any time, and an idle GPU next to
// a waiting request is what this scheduler promises never to show.
//
// Nothing is indexed before the first request of a revision names a model.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <optional>
#include <set>

#include "activator/core/model_key.hpp"
#include "activator/core/wait_queue.hpp"

namespace activator {

// What a pod holds, and what ModelPods has on its books for it; only ModelPods writes this.
struct PodModel {
    ModelKey key = any_model;  // any_model: none known
    std::uint64_t uses = 0;
    Instant last_use{};

    // As of the last refresh; unset: not listed.
    struct Listed {
        ModelKey key = any_model;
        std::uint64_t in_flight = 0;
        std::size_t worth_class = 0;
        Instant last_use{};
    };
    std::optional<Listed> listed;
};

class ModelPods {
  public:
    explicit ModelPods(std::pmr::memory_resource* memory);

    bool active() const { return active_; }
    // From now on refresh() lists pods. The caller refreshes all it has.
    void activate() { active_ = true; }

    // The pod is given a request that wants `model`. REQUIRES: model != any_model; a refresh
    // follows.
    static void use(PodModel& pod, ModelKey model, Instant now);
    // Its application may have started anew: what it holds is not known. As above.
    static void forget(PodModel& pod);

    // Call after any change of the pod. `is_free`: it may be given a request.
    void refresh(PodSlots& pod, bool is_free);

    // 1.; null if there is none.
    PodSlots* holder(ModelKey model) const;
    // 2., then 3.; null if there is none.
    PodSlots* to_load(Instant now) const;

    // Pods listed, for check_invariants().
    std::size_t size() const { return holders_.size() + empty_.size(); }

  private:
    static constexpr std::size_t classes = 8;  // 1, 2, 4 … 128 uses

    struct Holder {
        ModelKey model = any_model;
        std::uint64_t in_flight = 0;
        PodId id;
        friend auto operator<=>(const Holder&, const Holder&) = default;
    };
    struct Used {
        Instant at{};
        PodId id;
        friend auto operator<=>(const Used&, const Used&) = default;
    };
    using ByUse = std::pmr::map<Used, PodSlots*>;

    static std::size_t worth_class(std::uint64_t uses);
    void take_off(PodSlots& pod);

    bool active_ = false;
    std::pmr::map<Holder, PodSlots*> holders_;  // free, with a model
    std::pmr::map<PodId, PodSlots*> empty_;     // idle, without one
    std::array<ByUse, classes> idle_;           // those of holders_ that have nothing to do
};

}  // namespace activator
