// What all activators together have to do, per revision: the sum of their latest reports.
//
// Each says each second what it holds; one that has nothing says nothing. A report counts for
// `fresh`, a little more than two periods: one that comes late is not taken for zero, and an
// activator that died is forgotten before it matters. Nothing is kept for the lost report of a
// second: the next one says it again, except for arrivals (the rps metric), which are added up
// until they are taken.
#pragma once

#include <map>
#include <string>

#include "common/core/time.hpp"

namespace activator::standalone {

using common::Duration;
using common::Instant;

class LoadBook {
  public:
    static constexpr Duration fresh = std::chrono::milliseconds(2500);

    struct Load {
        double average = 0;   // concurrency since the last report
        double arrivals = 0;  // since the last report
        double present = 0;   // requests that run and wait, now
        double waiting = 0;   // of these, without a slot
        friend bool operator==(const Load&, const Load&) = default;
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
