#include "activator/cold_starts.hpp"

namespace activator {

using common::to_seconds;

void ColdStarts::created(PodId id, Instant asked_at, Instant now) {
    under_way_.insert_or_assign(id, Start{asked_at, false});
    created_seconds_.observe(to_seconds(now - asked_at));
}

void ColdStarts::ready(PodId id, Instant now) {
    const auto found = under_way_.find(id);
    if (found == under_way_.end() || found->second.is_ready) return;
    found->second.is_ready = true;
    ready_seconds_.observe(to_seconds(now - found->second.asked_at));
}

void ColdStarts::first_byte(PodId id, Instant now) {
    if (under_way_.empty()) return;
    const auto found = under_way_.find(id);
    if (found == under_way_.end()) return;
    first_byte_seconds_.observe(to_seconds(now - found->second.asked_at));
    under_way_.erase(found);
}

}  // namespace activator
