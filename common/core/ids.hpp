// Strong identifiers: a RequestId cannot be passed where a PodId is wanted.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace common {

template <class Tag>
struct Id {
    std::uint64_t value = 0;
    friend constexpr auto operator<=>(Id, Id) = default;
};

// Unique within one process; later requests and pods have greater values.
using RequestId = Id<struct RequestTag>;
using PodId = Id<struct PodTag>;
using RevisionId = Id<struct RevisionTag>;

}  // namespace common

template <class Tag>
struct std::hash<common::Id<Tag>> {
    std::size_t operator()(common::Id<Tag> id) const noexcept {
        return std::hash<std::uint64_t>{}(id.value);
    }
};
