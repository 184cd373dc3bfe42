#include "sluice/replay/core/session_table.hpp"

#include <algorithm>

namespace sluice::replay {

using common::Instant;

Instant SessionTable::end_of(const Cookie& cookie) const {
    const Instant idle = cookie.issued + rules_.timeout;
    return rules_.lifetime ? std::min(idle, cookie.first_issued + *rules_.lifetime) : idle;
}

void SessionTable::forget_ended(Instant now) {
    while (!ends_.empty() && ends_.top().first <= now) {
        const auto found = cookies_.find(ends_.top().second);
        ends_.pop();
        if (found == cookies_.end()) continue;
        const Instant end = end_of(found->second);
        if (end <= now) {
            cookies_.erase(found);
        } else {
            ends_.emplace(end, found->first);  // renewed meanwhile; one entry per session
        }
    }
}

std::optional<common::PodId> SessionTable::find(std::uint64_t session, Instant now) {
    forget_ended(now);
    const auto found = cookies_.find(session);
    if (found == cookies_.end()) return std::nullopt;
    return found->second.pod;
}

void SessionTable::answered(std::uint64_t session, common::PodId pod, Instant now) {
    forget_ended(now);
    const auto [entry, is_new] = cookies_.try_emplace(session, Cookie{pod, now, now});
    Cookie& cookie = entry->second;
    if (is_new) {
        ends_.emplace(end_of(cookie), session);
        return;
    }
    // renew_cookie(): a good cookie for this pod is renewed in the second half of its time.
    if (cookie.pod == pod && now - cookie.issued < rules_.timeout / 2) return;
    cookie.pod = pod;
    cookie.issued = now;
}

}  // namespace sluice::replay
