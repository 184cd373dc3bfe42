// What the revisions of this activator have to do: their average each second of the wall clock; how
// many requests there are, and wait, at most 50 ms after it has changed, and at once for the first
// one after a quiet time and for one that finds no pod at all. A revision without requests is said
// to have none once, and then nothing.
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
    // How things stand.
    RevisionReport report(RevisionId id) const;
    void arrived(RevisionId id);
    void wake(RevisionId id);
    void tick();
    void arm();
    void look_at_levels();
    bool is_news(RevisionId id, const RevisionReport& said);
    void look_soon();

    Router& router_;
    common::TimeSource& time_;
    Deliver deliver_;
    std::unique_ptr<common::Timer> timer_;
    std::unique_ptr<common::Timer> level_timer_;
    bool looking_ = false;  // the level timer is armed
    struct Level {
        double present = 0;
        double waiting = 0;
        friend bool operator==(const Level&, const Level&) = default;
    };
    std::map<RevisionId, Level> told_;  // last, of those that are busy
    std::set<RevisionId> busy_;  // that the last tick, or something since, had something to say of
};

}  // namespace activator::standalone
