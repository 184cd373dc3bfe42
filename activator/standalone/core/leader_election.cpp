#include "activator/standalone/core/leader_election.hpp"

#include <utility>

namespace activator::standalone {

LeaderElection::Step LeaderElection::read(std::optional<LeaseRecord> lease, Instant now) {
    if (!lease) {
        seen_.reset();
        leading_ = false;
        return Step::create;
    }
    if (lease != seen_) {
        seen_ = std::move(lease);
        seen_at_ = now;
    }
    if (seen_->holder == identity_) return Step::write;
    leading_ = false;
    const bool over = now - seen_at_ >= std::chrono::seconds(seen_->duration_seconds);
    return seen_->holder.empty() || over ? Step::write : Step::wait;
}

LeaseRecord LeaderElection::next(const std::string& wall) const {
    LeaseRecord record = seen_.value_or(LeaseRecord{});
    const bool ours = record.holder == identity_;
    if (!ours) record.acquire_time = wall;
    if (!ours && seen_) ++record.transitions;
    record.holder = identity_;
    record.renew_time = wall;
    record.duration_seconds =
        std::chrono::duration_cast<std::chrono::seconds>(rules_.lease).count();
    return record;
}

void LeaderElection::written(Instant sent) {
    leading_ = true;
    renewed_at_ = sent;
    if (!seen_) seen_.emplace();
    seen_->holder = identity_;
}

void LeaderElection::refused() {
    seen_.reset();
}

LeaseRecord LeaderElection::released() const {
    LeaseRecord record = *seen_;
    record.holder.clear();
    record.duration_seconds = 1;
    return record;
}

}  // namespace activator::standalone
