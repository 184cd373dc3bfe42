#include "activator/kubernetes/stat_reporter.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "activator/kubernetes/core/report_shape.hpp"

namespace activator::kubernetes {
namespace {

constexpr Duration period = std::chrono::seconds(1);

bool has_wait_target(const Revision& revision) {
    return revision.knobs.shape_reports && revision.knobs.wait_target;
}

}  // namespace

StatReporter::StatReporter(Gateway& gateway, AutoscalerLink& link, std::string pod_name)
    : gateway_(gateway),
      router_(gateway.router()),
      time_(gateway.time()),
      link_(link),
      pod_name_(std::move(pod_name)),
      timer_(time_.make_timer()) {}

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
    stat.average_concurrent_requests = told(id, report.average);
    stat.request_count = report.requests;
    return {revision->name_space, revision->name, std::move(stat)};
}

double StatReporter::told(RevisionId id, double average) const {
    const Revision& revision = *router_.revision(id);
    if (!revision.knobs.shape_reports || !revision.report_utilization) return average;
    const double utilization = *revision.report_utilization;
    double slots = average;
    const auto known = service_times_.find(id);
    if (known != service_times_.end() && has_wait_target(revision)) {
        const RevisionView view = router_.view(id);
        Line line;
        line.running = static_cast<double>(view.running);
        line.waiting = static_cast<double>(view.waiting);
        for (const Ticket* oldest : router_.waiting(id, 0, 1))
            line.oldest_waits = time_.now() - oldest->arrived;
        slots *= counted_share(line, known->second.mean(), *revision.knobs.wait_target);
    }
    return utilization < 1 ? shaped_average(slots, utilization) : slots;
}

void StatReporter::note_service_time(RevisionId id) {
    if (!has_wait_target(*router_.revision(id))) return;
    const common::Histogram& run = gateway_.account(id).totals.run;
    service_times_[id].note(run.count(), run.sum());
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
        note_service_time(id);
        const common::RequestStats::Report measured = router_.report(id);
        const RevisionView view = router_.view(id);
        const auto report = book_.tick(id, {measured.average_concurrency, measured.requests},
                                       view.waiting + view.running, now);
        messages.push_back(message(id, *report));
        reported[id] = told(id, report->average);
    }
    reported_ = std::move(reported);
    std::erase_if(service_times_, [this](const auto& one) { return !router_.revision(one.first); });
    link_.send(messages);
    next_tick_ = std::max(next_tick_ + period, now);
    timer_->arm(next_tick_, [this] { tick(); });
}

}  // namespace activator::kubernetes
