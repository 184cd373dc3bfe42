// What all activators together have to do, per revision: the sum of their latest reports.
//
// A client whose next request goes to another activator must not count twice. So averages are of
// the same seconds of the wall clock (report_times.hpp), and are summed when all have come; and how
// things stand is said within a twentieth of a second of every change.
//
// Each says each second what it holds; one that has nothing says nothing. A report counts for
// `fresh`, a little more than two periods: one that comes late is not taken for zero, and an
// activator that died is forgotten before it matters. Nothing is kept for the lost report of a
// second: the next one says it again, except for arrivals (the rps metric), which are added up
// until they are taken.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/core/time.hpp"

namespace activator::standalone {

using common::Duration;
using common::Instant;

class LoadBook {
  public:
    static constexpr Duration fresh = std::chrono::milliseconds(2500);

    struct Load {
        // Concurrency of the last second; none in a report that only says how things stand now.
        std::optional<double> average = 0;
        double arrivals = 0;  // since the last report
        double present = 0;   // requests that run and wait, now
        double waiting = 0;   // of these, without a slot
        friend bool operator==(const Load&, const Load&) = default;
        // Takes the newer report's place of it: arrivals add up, and an average that is not said
        // again stays.
        void follow(const Load& newer);
    };

    void report(const std::string& activator, const std::string& revision, const Load& load,
                Instant now);
    // Over all activators heard of lately. Takes the arrivals.
    Load take(const std::string& revision, Instant now);
    // The same, but leaves the arrivals.
    Load present(const std::string& revision, Instant now) const;
    void forget(const std::string& revision) { revisions_.erase(revision); }
    void clear() { revisions_.clear(); }

  private:
    struct Entry {
        Load load;
        Instant at{};
    };
    std::map<std::string, std::map<std::string, Entry>> revisions_;
};

}  // namespace activator::standalone
