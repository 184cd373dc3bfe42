#include "activator/kubernetes/core/report_book.hpp"

#include <algorithm>

namespace activator::kubernetes {

bool ReportBook::arrived(common::RevisionId id) {
    const auto [it, fresh] = entries_.try_emplace(id);
    if (!fresh && !it->second.idle_since) return false;
    it->second = {};
    return true;
}

std::optional<ReportBook::Report> ReportBook::tick(common::RevisionId id, const Report& measured,
                                                   std::size_t inside, Instant now) {
    const auto it = entries_.find(id);
    if (it == entries_.end()) return std::nullopt;
    Entry& entry = it->second;
    const double told = entry.poked ? 1 : 0;
    entry.poked = false;
    const bool idle = measured.average == 0 && inside == 0;
    if (idle && !entry.idle_since) entry.idle_since = now;
    if (idle && now - *entry.idle_since >= zeros_after_idle) entries_.erase(it);
    return Report{std::max(0.0, measured.average - told), measured.requests - told};
}

}  // namespace activator::kubernetes
