// Which pods may this activator use when several activators stand before one revision?
// (contract activator.md 3.2 and 3.3)
//
// Every activator computes its own slice from the same sorted list, so that they share the pods
// without talking to each other. With fewer pods than activators pods are shared, and each sharer
// believes that all slots are its own: the pod's queue-proxy has the last word.
//
// Not here: who the activators are, and how the list of pods comes about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace activator {

// This activator among its peers, as the revision's public endpoints list them.
struct ActivatorPlace {
    std::size_t activators = 0;
    std::optional<std::size_t> index;  // unset: not (yet) in the list
};

// Positions in the sorted list of `pods` ready pods, in ascending order.
std::vector<std::size_t> assign_slice(std::size_t pods, const ActivatorPlace& place,
                                      std::uint32_t container_concurrency);

// Requests that `assigned` pods take at once, at most 2^31-1 (which also stands for unlimited).
std::uint32_t slice_capacity(std::size_t assigned, std::uint32_t container_concurrency);

}  // namespace activator
