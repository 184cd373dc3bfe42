// What the metrics and the page are told of the requests here.
#include <algorithm>

#include "activator/router.hpp"

namespace activator {

std::vector<const Ticket*> Router::waiting(RevisionId id, std::size_t skip,
                                           std::size_t count) const {
    std::vector<const Ticket*> found;
    for (const auto& [request, ticket] : tickets_) {
        const bool waits = ticket->state == Ticket::State::waiting && !ticket->control;
        if (waits && ticket->revision == id) found.push_back(ticket);
    }
    const auto older = [](const Ticket* a, const Ticket* b) { return a->id < b->id; };
    skip = std::min(skip, found.size());
    count = std::min(count, found.size() - skip);
    const auto begin = found.begin() + static_cast<std::ptrdiff_t>(skip);
    const auto end = begin + static_cast<std::ptrdiff_t>(count);
    if (begin != found.end()) std::nth_element(found.begin(), begin, found.end(), older);
    std::partial_sort(begin, end, found.end(), older);
    return {begin, end};
}

std::vector<const Ticket*> Router::running(RevisionId id) const {
    std::vector<const Ticket*> found;
    for (const auto& [request, ticket] : tickets_) {
        if (ticket->state == Ticket::State::assigned && ticket->revision == id)
            found.push_back(ticket);
    }
    return found;
}

SlotAccount Router::slot_account(RevisionId id) const {
    SlotAccount account;
    const auto known = revisions_.find(id);
    if (known == revisions_.end()) return account;
    const Instant now = time_.now();
    const SlotSeconds seconds = scheduler_.slot_seconds(id, now);
    account.held = known->second.held.seconds(now);
    account.held_now = known->second.held.value();
    account.busy = std::max(0.0, seconds.running - account.held);
    account.idle = seconds.idle;
    return account;
}

std::optional<Instant> Router::short_of_pods_since(RevisionId id) const {
    const auto known = revisions_.find(id);
    return known == revisions_.end() ? std::nullopt : known->second.short_since;
}

}  // namespace activator
