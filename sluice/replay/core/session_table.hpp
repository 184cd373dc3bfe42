// The cookies that the clients of a trace would hold: which pod is this session pinned to?
//
// Issued, renewed and verified by the rules of activator/affinity.cpp, without the signature.
// Forgets sessions when their cookie ends, so that it holds those of one cookie-timeout only.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/core/ids.hpp"
#include "sluice/replay/core/setup.hpp"

namespace sluice::replay {

class SessionTable {
  public:
    explicit SessionTable(const Sessions& rules) : rules_(rules) {}

    // The pod that a request of `session` brings a good cookie for.
    std::optional<common::PodId> find(std::uint64_t session, common::Instant now);
    // The session got an answer, and its home is `pod`.
    void answered(std::uint64_t session, common::PodId pod, common::Instant now);
    std::size_t size() const { return cookies_.size(); }

  private:
    struct Cookie {
        common::PodId pod;
        common::Instant first_issued{};
        common::Instant issued{};
    };
    using Ends = std::pair<common::Instant, std::uint64_t>;

    common::Instant end_of(const Cookie& cookie) const;
    void forget_ended(common::Instant now);

    Sessions rules_;
    std::unordered_map<std::uint64_t, Cookie> cookies_;
    std::priority_queue<Ends, std::vector<Ends>, std::greater<>> ends_;
};

}  // namespace sluice::replay
