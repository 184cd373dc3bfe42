#include "activator/standalone/core/load_book.hpp"

namespace activator::standalone {

void LoadBook::Load::follow(const Load& newer) {
    const double known = arrivals;
    const std::optional<double> measured = newer.average ? newer.average : average;
    *this = newer;
    arrivals += known;
    average = measured;
}

void LoadBook::report(const std::string& activator, const std::string& revision, const Load& load,
                      Instant now) {
    Entry& entry = revisions_[revision][activator];
    entry.load.follow(load);
    entry.at = now;
}

LoadBook::Load LoadBook::present(const std::string& revision, Instant now) const {
    Load sum;
    const auto found = revisions_.find(revision);
    if (found == revisions_.end()) return sum;
    for (const auto& [activator, entry] : found->second) {
        sum.arrivals += entry.load.arrivals;
        if (now - entry.at >= fresh) continue;
        *sum.average += entry.load.average.value_or(0);
        sum.present += entry.load.present;
        sum.waiting += entry.load.waiting;
    }
    return sum;
}

LoadBook::Load LoadBook::take(const std::string& revision, Instant now) {
    const Load sum = present(revision, now);
    const auto found = revisions_.find(revision);
    if (found == revisions_.end()) return sum;
    std::erase_if(found->second,
                  [now](const auto& entry) { return now - entry.second.at >= fresh; });
    for (auto& [activator, entry] : found->second)
        entry.load.arrivals = 0;
    return sum;
}

}  // namespace activator::standalone
