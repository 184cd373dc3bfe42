#include "activator/core/pod_set.hpp"

#include <utility>

#include "common/core/check.hpp"

namespace activator {
namespace {

// Every draining pod comes after every other one: it gets control requests only as a last resort.
constexpr std::uint64_t draining_load = std::uint64_t{1} << 40;

std::optional<PodRank> rank_if(bool listed, std::uint64_t load, PodId id) {
    if (!listed) return std::nullopt;
    return PodRank{load, id};
}

}  // namespace

void PodSet::add(PodSlots& pod, std::uint32_t concurrency) {
    pods_.emplace(pod.id, &pod);
    refresh(pod, concurrency);
}

void PodSet::remove(PodSlots& pod) {
    move_in(free_, pod, pod.free_rank, std::nullopt);
    move_in(for_controls_, pod, pod.control_rank, std::nullopt);
    list_reserved_idle(pod, false);
    models_.refresh(pod, false);
    ready_count_ -= pod.ready_counted ? 1 : 0;
    slots_free_ -= pod.slots_counted;
    pod.ready_counted = false;
    pod.slots_counted = 0;
    const std::size_t removed = pods_.erase(pod.id);
    CHECK(removed == 1);
}

void PodSet::refresh(PodSlots& pod, std::uint32_t concurrency) {
    const bool is_free = pod.has_free_slot(concurrency);
    move_in(free_, pod, pod.free_rank, rank_if(is_free, pod.in_flight, pod.id));
    models_.refresh(pod, is_free);

    const std::uint64_t load = std::uint64_t{pod.in_flight} + pod.controls;
    move_in(for_controls_, pod, pod.control_rank,
            rank_if(pod.usable_for_controls(), pod.draining ? draining_load + load : load, pod.id));

    list_reserved_idle(pod, pod.standing == Standing::reserved && !pod.timed && pod.line.empty());

    const bool is_ready = pod.stays() && pod.ready;
    ready_count_ += is_ready ? 1 : 0;
    ready_count_ -= pod.ready_counted ? 1 : 0;
    pod.ready_counted = is_ready;

    const std::size_t slots = is_free && concurrency != 0 ? concurrency - pod.in_flight : 0;
    slots_free_ += slots;
    slots_free_ -= pod.slots_counted;
    pod.slots_counted = slots;
}

void PodSet::use_models(std::uint32_t concurrency) {
    models_.activate();
    for (const auto& [id, pod] : pods_)
        models_.refresh(*pod, pod->has_free_slot(concurrency));
}

PodSlots* PodSet::best_free_for(ModelKey model, Instant now) const {
    if (model == any_model) return best_free();
    if (PodSlots* pod = models_.holder(model)) return pod;
    if (PodSlots* pod = models_.to_load(now)) return pod;
    return best_free();
}

std::size_t PodSet::slots_free(std::uint32_t concurrency) const {
    if (concurrency == 0 && !free_.empty()) return SIZE_MAX;
    return slots_free_;
}

void PodSet::list_reserved_idle(PodSlots& pod, bool listed) {
    if (listed == pod.in_reserved_idle) return;
    pod.in_reserved_idle = listed;
    if (listed) {
        reserved_idle_.emplace(pod.id, &pod);
    } else {
        reserved_idle_.erase(pod.id);
    }
}

void PodSet::move_in(Index& index, PodSlots& pod, std::optional<PodRank>& from,
                     const std::optional<PodRank>& to) {
    if (from == to) return;
    if (from && to) {
        auto node = index.extract(*from);
        node.key() = *to;
        index.insert(std::move(node));
    } else if (to) {
        index.emplace(*to, &pod);
    } else {
        index.erase(*from);
    }
    from = to;
}

}  // namespace activator
