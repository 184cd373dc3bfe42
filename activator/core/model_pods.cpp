#include "activator/core/model_pods.hpp"

#include <algorithm>
#include <bit>

#include "activator/core/pod_set.hpp"

namespace activator {

ModelPods::ModelPods(std::pmr::memory_resource* memory)
    : holders_(memory), empty_(memory), idle_{ByUse(memory), ByUse(memory), ByUse(memory),
                                              ByUse(memory), ByUse(memory), ByUse(memory),
                                              ByUse(memory), ByUse(memory)} {}

void ModelPods::use(PodModel& pod, ModelKey model, Instant now) {
    if (pod.key != model) pod.uses = 0;
    pod.key = model;
    ++pod.uses;
    pod.last_use = now;
}

void ModelPods::forget(PodModel& pod) {
    pod.key = any_model;
    pod.uses = 0;
}

std::size_t ModelPods::worth_class(std::uint64_t uses) {
    return std::min<std::size_t>(std::bit_width(uses), classes) - 1;
}

void ModelPods::take_off(PodSlots& pod) {
    const PodModel::Listed& its = *pod.model.listed;
    if (its.key == any_model) {
        empty_.erase(pod.id);
    } else {
        holders_.erase({its.key, its.in_flight, pod.id});
        if (its.in_flight == 0) idle_[its.worth_class].erase({its.last_use, pod.id});
    }
    pod.model.listed.reset();
}

void ModelPods::refresh(PodSlots& pod, bool is_free) {
    if (!active_) return;
    PodModel& its = pod.model;
    if (its.listed) take_off(pod);
    if (!is_free || (its.key == any_model && pod.in_flight > 0)) return;
    its.listed = PodModel::Listed{its.key, pod.in_flight, 0, its.last_use};
    if (its.key == any_model) {
        empty_.emplace(pod.id, &pod);
        return;
    }
    its.listed->worth_class = worth_class(its.uses);
    holders_.emplace(Holder{its.key, pod.in_flight, pod.id}, &pod);
    if (pod.in_flight == 0)
        idle_[its.listed->worth_class].emplace(Used{its.last_use, pod.id}, &pod);
}

PodSlots* ModelPods::holder(ModelKey model) const {
    const auto found = holders_.lower_bound({model, 0, PodId{}});
    if (found == holders_.end() || found->first.model != model) return nullptr;
    return found->second;
}

PodSlots* ModelPods::to_load(Instant now) const {
    if (!empty_.empty()) return empty_.begin()->second;
    PodSlots* least = nullptr;
    std::int64_t longest{};
    for (std::size_t i = 0; i < classes; ++i) {
        if (idle_[i].empty()) continue;
        const auto& [used, pod] = *idle_[i].begin();
        // 1 / worth; with equals the rarer model goes.
        const std::int64_t unused = (now - used.at).count() >> i;
        if (least != nullptr && unused <= longest) continue;
        least = pod;
        longest = unused;
    }
    return least;
}

}  // namespace activator
