#include "activator/live_sessions.hpp"

namespace activator {
namespace {

// Between two looks, and between two times that many sessions are gone through.
constexpr common::Duration look_period = std::chrono::seconds(1);
// As large, a look costs a millisecond or two; below this number it costs nothing worth sparing.
constexpr std::size_t few = 1000;

}  // namespace

void LiveSessions::note(std::uint64_t id, std::uint64_t before, PodId pod, Instant now,
                        Instant until) {
    changed_ = true;
    if (sessions_.size() >= few && now - forgot_at_ >= look_period) forget_old(now);
    if (before != 0) sessions_.erase(before);
    const auto found = sessions_.find(id);
    if (found != sessions_.end()) {
        found->second = Seen{pod, until};
    } else if (sessions_.size() < sessions_max) {
        sessions_.emplace(id, Seen{pod, until});
    }
}

const std::unordered_map<PodId, std::size_t>& LiveSessions::by_pod(Instant now) {
    look(now);
    return by_pod_;
}

std::size_t LiveSessions::count(Instant now) {
    look(now);
    return sessions_.size();
}

void LiveSessions::look(Instant now) {
    const bool due = looked_at_ == Instant::min() || now - looked_at_ >= look_period;
    if (!due && !(changed_ && sessions_.size() < few)) return;
    looked_at_ = now;
    changed_ = false;
    by_pod_.clear();
    forget_old(now);
    for (const auto& [id, seen] : sessions_)
        ++by_pod_[seen.pod];
}

void LiveSessions::forget_old(Instant now) {
    std::erase_if(sessions_, [now](const auto& entry) { return entry.second.until <= now; });
    forgot_at_ = now;
}

}  // namespace activator
