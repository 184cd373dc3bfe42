// Tells the autoscaler what each revision has to do: a poke when work appears, and a report each
// second (contract activator.md 5.1; the rules are core/report_book's).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "activator/kubernetes/autoscaler_link.hpp"
#include "activator/kubernetes/core/report_book.hpp"
#include "activator/router.hpp"

namespace activator::kubernetes {

class StatReporter {
  public:
    // All outlive it.
    StatReporter(Router& router, common::TimeSource& time, AutoscalerLink& link,
                 std::string pod_name);

    void start();
    void stop();
    // The average that was reported last (0 if none was): kn.revision.request.concurrency.
    double reported(RevisionId id) const;

  private:
    void arrived(RevisionId id);
    void tick();
    common::WireStatMessage message(RevisionId id, const ReportBook::Report& report) const;

    Router& router_;
    common::TimeSource& time_;
    AutoscalerLink& link_;
    std::string pod_name_;
    ReportBook book_;
    std::map<RevisionId, double> reported_;
    std::unique_ptr<common::Timer> timer_;
    Instant next_tick_{};
};

}  // namespace activator::kubernetes
