#include "activator/kubernetes/stat_reporter.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "activator/kubernetes/core/report_shape.hpp"

namespace activator::kubernetes {
namespace {

constexpr Duration period = std::chrono::seconds(1);

double told(const Revision& revision, double average) {
    return revision.knobs.shape_reports && revision.report_utilization < 1
               ? shaped_average(average, revision.report_utilization)
               : average;
}

}  // namespace

StatReporter::StatReporter(Router& router, common::TimeSource& time, AutoscalerLink& link,
                           std::string pod_name)
    : router_(router),
      time_(time),
      link_(link),
      pod_name_(std::move(pod_name)),
      timer_(time.make_timer()) {}

void StatReporter::start() {
    router_.on_arrival([this](RevisionId id) { arrived(id); });
    next_tick_ = time_.now() + period;
    timer_->arm(next_tick_, [this] { tick(); });
}

void StatReporter::stop() {
    router_.on_arrival(nullptr);
    timer_->disarm();
}

double StatReporter::reported(RevisionId id) const {
    const auto it = reported_.find(id);
    return it == reported_.end() ? 0 : it->second;
}

common::WireStatMessage StatReporter::message(RevisionId id,
                                              const ReportBook::Report& report) const {
    const std::shared_ptr<const Revision> revision = router_.revision(id);
    common::Stat stat;
    stat.pod_name = pod_name_;
    stat.average_concurrent_requests = told(*revision, report.average);
    stat.request_count = report.requests;
    return {revision->name_space, revision->name, std::move(stat)};
}

// Before the request is counted.
void StatReporter::arrived(RevisionId id) {
    if (!book_.arrived(id)) return;
    router_.report(id);  // the average begins here
    link_.send({message(id, {1, 1})});
}

void StatReporter::tick() {
    const Instant now = time_.now();
    std::vector<common::WireStatMessage> messages;
    book_.keep([this](RevisionId id) { return router_.revision(id) != nullptr; });
    std::map<RevisionId, double> reported;
    for (const RevisionId id : router_.revisions()) {
        if (!book_.holds(id)) continue;
        const common::RequestStats::Report measured = router_.report(id);
        const RevisionView view = router_.view(id);
        const auto report = book_.tick(id, {measured.average_concurrency, measured.requests},
                                       view.waiting + view.running, now);
        messages.push_back(message(id, *report));
        reported[id] = told(*router_.revision(id), report->average);
    }
    reported_ = std::move(reported);
    link_.send(messages);
    next_tick_ = std::max(next_tick_ + period, now);
    timer_->arm(next_tick_, [this] { tick(); });
}

}  // namespace activator::kubernetes
