// Which pod does a session key belong to, when the key is a header's value and not our cookie
// (sluice.dev/affinity-header)?
//
// Rendezvous hashing: every (key, pod) pair has a weight, the key belongs to the pod of greatest
// weight. All activators agree without talking; when a pod comes or goes only the keys that it
// gains or loses move, about 1/n. With a load bound: a pod that already has more than its share
// is passed over, and the key goes to the next greatest weight; so a hot key cannot bury a pod
// (the idea of consistent hashing with bounded loads, Mirrokni et al. 2016, on rendezvous order).
//
// The hash is written down here because it must never change between versions or machines:
// FNV-1a (64 bit) over the bytes, then splitmix64's finaliser. It is not keyed: a client that
// chooses its header value can choose its pod; the load bound limits what that is worth.
//
// O(pods) per look-up, about a nanosecond each; a ring with O(log n) was refused, since it needs
// rebuilding and spreads worse at 2 to 50 pods.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace activator {

// Stable over versions and machines.
std::uint64_t stable_hash(std::string_view text);

struct HashCandidate {
    std::uint64_t name_hash = 0;  // stable_hash(pod name), so that all activators agree
    std::size_t load = 0;  // what the bound limits: requests in flight and waiting, or sessions
};

// The index of the candidate that `key` belongs to; empty if there is none. A candidate takes at
// most ceil(bound * (total load + 1) / count), so with bound >= 1 there is always room. A bound of
// infinity is plain rendezvous. REQUIRES: bound >= 1.
std::optional<std::size_t> rendezvous(std::uint64_t key, std::span<const HashCandidate> candidates,
                                      double bound);

}  // namespace activator
