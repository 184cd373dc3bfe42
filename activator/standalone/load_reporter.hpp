// What the revisions of this activator have to do: said each second, and at once when a request
// finds nothing to do its work (the first one after a quiet time; one that finds no free slot). A
// revision without requests is said to have none once, and then nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "activator/router.hpp"
#include "activator/standalone/revision_report.hpp"

namespace activator::standalone {

class LoadReporter {
  public:
    using Deliver = std::function<void(RevisionReports)>;

    // Both outlive it.
    LoadReporter(Router& router, common::TimeSource& time, Deliver deliver);

    void start();
    void stop();

  private:
    RevisionReport report(RevisionId id, const common::RequestStats::Report& measured) const;
    void arrived(RevisionId id);
    void wake(RevisionId id);
    void tick();

    Router& router_;
    common::TimeSource& time_;
    Deliver deliver_;
    std::unique_ptr<common::Timer> timer_;
    Instant next_tick_{};
    std::set<RevisionId> busy_;  // that the last tick, or something since, had something to say of
};

}  // namespace activator::standalone
