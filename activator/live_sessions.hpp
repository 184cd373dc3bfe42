// How many sessions are alive, and on which pods? Sessions live in cookies (session_cookie.hpp):
// nobody knows of one but by its requests. This counts those whose requests came by here, until
// their idle time is over; two browsers that began in the same second on the same pod count as one.
// Bounded: what comes beyond `sessions_max` is not counted, and those that are over do not stay for
// long, even if nobody asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "common/core/ids.hpp"
#include "common/core/time.hpp"

namespace activator {

using common::Instant;
using common::PodId;

class LiveSessions {
  public:
    static constexpr std::size_t sessions_max = 100'000;

    // Session `id` was answered at `now`; it belongs to `pod` and lives until `until`. `before`:
    // what it was called until now, if that is another name (0: it is not).
    void note(std::uint64_t id, std::uint64_t before, PodId pod, Instant now, Instant until);
    // As of `now`, by pod. What it returns changes with the next call. O(sessions), but at most
    // once a second.
    const std::unordered_map<PodId, std::size_t>& by_pod(Instant now);
    std::size_t count(Instant now);
    // With those that are over and have not gone yet: only a few, or for a second.
    std::size_t kept() const { return sessions_.size(); }

  private:
    struct Seen {
        PodId pod;
        Instant until;
    };
    void look(Instant now);
    void forget_old(Instant now);

    std::unordered_map<std::uint64_t, Seen> sessions_;
    std::unordered_map<PodId, std::size_t> by_pod_;
    Instant looked_at_ = Instant::min();
    Instant forgot_at_{};
    bool changed_ = false;
};

}  // namespace activator
