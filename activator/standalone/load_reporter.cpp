#include "activator/standalone/load_reporter.hpp"

#include <algorithm>
#include <utility>

namespace activator::standalone {
namespace {

constexpr Duration period = std::chrono::seconds(1);

}  // namespace

LoadReporter::LoadReporter(Router& router, common::TimeSource& time, Deliver deliver)
    : router_(router), time_(time), deliver_(std::move(deliver)), timer_(time.make_timer()) {}

void LoadReporter::start() {
    router_.on_arrival([this](RevisionId id) { arrived(id); });
    router_.on_wake([this](RevisionId id) { wake(id); });
    next_tick_ = time_.now() + period;
    timer_->arm(next_tick_, [this] { tick(); });
}

void LoadReporter::stop() {
    router_.on_arrival(nullptr);
    router_.on_wake(nullptr);
    timer_->disarm();
}

RevisionReport LoadReporter::report(RevisionId id,
                                    const common::RequestStats::Report& measured) const {
    const std::shared_ptr<const Revision> revision = router_.revision(id);
    const RevisionView view = router_.view(id);
    RevisionReport said;
    said.name_space = revision->name_space;
    said.name = revision->name;
    said.load.average = measured.average_concurrency;
    said.load.arrivals = measured.requests;
    said.load.present = static_cast<double>(view.waiting + view.running);
    // One that waits for its session's pod while others are free needs no further pod.
    if (view.slots_free == 0) said.load.waiting = static_cast<double>(view.waiting);
    return said;
}

// The scheduler has the request already; the average of the next tick begins here.
void LoadReporter::arrived(RevisionId id) {
    if (!busy_.insert(id).second) return;
    RevisionReport said = report(id, router_.report(id));
    said.load.average = said.load.present;
    deliver_({std::move(said)});
}

void LoadReporter::wake(RevisionId id) {
    if (!router_.revision(id)) return;
    busy_.insert(id);
    RevisionReport said = report(id, {});
    // Control requests wait only while no pod is ready; then they are worth a pod, too.
    const RevisionView view = router_.view(id);
    if (said.load.present == 0 && view.controls > 0) said.load.present = said.load.waiting = 1;
    said.load.average = said.load.present;
    deliver_({std::move(said)});
}

void LoadReporter::tick() {
    RevisionReports all;
    std::set<RevisionId> busy;
    for (const RevisionId id : router_.revisions()) {
        RevisionReport said = report(id, router_.report(id));
        const bool idle = said.load == LoadBook::Load{};
        if (!idle) busy.insert(id);
        if (!idle || busy_.contains(id)) all.push_back(std::move(said));
    }
    busy_ = std::move(busy);
    if (!all.empty()) deliver_(std::move(all));
    next_tick_ = std::max(next_tick_ + period, time_.now());
    timer_->arm(next_tick_, [this] { tick(); });
}

}  // namespace activator::standalone
