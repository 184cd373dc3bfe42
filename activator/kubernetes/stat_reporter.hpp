// Tells the autoscaler what each revision has to do: a poke when work appears, and a report each
// second (contract activator.md 5.1; the rules are core/report_book's).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "activator/gateway.hpp"
#include "activator/kubernetes/autoscaler_link.hpp"
#include "activator/kubernetes/core/report_book.hpp"
#include "activator/kubernetes/core/wait_target.hpp"

namespace activator::kubernetes {

class StatReporter {
  public:
    // All outlive it.
    StatReporter(Gateway& gateway, AutoscalerLink& link, std::string pod_name);

    void start();
    void stop();
    // The average that was reported last (0 if none was): kn.revision.request.concurrency.
    double reported(RevisionId id) const;

  private:
    void arrived(RevisionId id);
    void tick();
    common::WireStatMessage message(RevisionId id, const ReportBook::Report& report) const;
    double told(RevisionId id, double average) const;
    void note_service_time(RevisionId id);

    Gateway& gateway_;
    Router& router_;
    common::TimeSource& time_;
    AutoscalerLink& link_;
    std::string pod_name_;
    ReportBook book_;
    std::map<RevisionId, double> reported_;
    std::map<RevisionId, ServiceTime> service_times_;  // of those that have a wait-target
    std::unique_ptr<common::Timer> timer_;
    Instant next_tick_{};
};

}  // namespace activator::kubernetes
