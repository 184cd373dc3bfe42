// What the autoscaler is told about each revision, and when. (contract activator.md 5.1)
//
// The first request of a revision that nothing is told about pokes: {1, 1} at once. Then one report
// each second; the first of them leaves out what the poke has said. A revision without requests is
// reported as 0 for one stable window, so that the autoscaler's averages fall by what it hears and
// not by what it misses (stock sends one zero, then silence); a request in that time pokes again,
// as it does in stock.
//
// Not here: averaging (common/core/request_stats), sending.
#pragma once

#include <map>
#include <optional>

#include "common/core/ids.hpp"
#include "common/core/time.hpp"

namespace activator::kubernetes {

using common::Duration;
using common::Instant;

// Stable window of a stock autoscaler, for the zeros.
inline constexpr Duration zeros_after_idle = std::chrono::seconds(60);

class ReportBook {
  public:
    struct Report {
        double average = 0;
        double requests = 0;
    };

    // A request of the revision arrived. True: poke, and count from here on.
    bool arrived(common::RevisionId id);
    // A second has passed. `measured`: average and arrivals since the last report, `inside`: the
    // requests there are. Empty: nothing to send.
    std::optional<Report> tick(common::RevisionId id, const Report& measured, std::size_t inside,
                               Instant now);
    // True if reports of the revision are sent: its measurement has to be asked for.
    bool holds(common::RevisionId id) const { return entries_.contains(id); }
    // Forgets the revisions that `stays` is false for.
    template <class Stays>
    void keep(Stays stays) {
        std::erase_if(entries_, [&](const auto& entry) { return !stays(entry.first); });
    }

  private:
    struct Entry {
        bool poked = true;  // and no report since
        std::optional<Instant> idle_since;
    };
    std::map<common::RevisionId, Entry> entries_;
};

}  // namespace activator::kubernetes
