// Which model a request wants, or a pod holds: an opaque word (a hash of its name).
#pragma once

#include <cstdint>

namespace activator {

using ModelKey = std::uint64_t;

// A request that may run with whatever the pod holds; a pod of which nothing is known.
inline constexpr ModelKey any_model = 0;

}  // namespace activator
