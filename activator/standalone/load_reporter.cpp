#include "activator/standalone/load_reporter.hpp"

#include <algorithm>
#include <utility>

#include "activator/standalone/core/report_times.hpp"

namespace activator::standalone {
namespace {

constexpr Duration level_period = std::chrono::milliseconds(50);

}  // namespace

LoadReporter::LoadReporter(Router& router, common::TimeSource& time, Deliver deliver)
    : router_(router),
      time_(time),
      deliver_(std::move(deliver)),
      timer_(time.make_timer()),
      level_timer_(time.make_timer()) {}

void LoadReporter::start() {
    router_.on_arrival([this](RevisionId id) { arrived(id); });
    router_.on_wake([this](RevisionId id) { wake(id); });
    arm();
}

void LoadReporter::stop() {
    router_.on_arrival(nullptr);
    router_.on_wake(nullptr);
    timer_->disarm();
    level_timer_->disarm();
}

void LoadReporter::arm() {
    timer_->arm(time_.now() + until_report(time_.wall_now(), Duration::zero()), [this] { tick(); });
}

RevisionReport LoadReporter::report(RevisionId id) const {
    const std::shared_ptr<const Revision> revision = router_.revision(id);
    const RevisionView view = router_.view(id);
    RevisionReport said;
    said.name_space = revision->name_space;
    said.name = revision->name;
    said.load.average.reset();
    said.load.present = static_cast<double>(view.waiting + view.running);
    // One that waits for its session's pod while others are free needs no further pod.
    if (view.slots_free == 0) said.load.waiting = static_cast<double>(view.waiting);
    // Control requests wait only while no pod is ready; then they are worth a pod, too.
    if (view.pods_ready == 0 && said.load.present == 0 && view.controls > 0)
        said.load.present = said.load.waiting = 1;
    return said;
}

// --- As soon as something happens.

void LoadReporter::look_soon() {
    if (std::exchange(looking_, true)) return;
    level_timer_->arm(time_.now() + level_period, [this] { look_at_levels(); });
}

// Whether it differs from what was said last; from now on it is what was said last.
bool LoadReporter::is_news(RevisionId id, const RevisionReport& said) {
    const Level level{said.load.present, said.load.waiting};
    return std::exchange(told_[id], level) != level;
}

// The scheduler has the request already.
void LoadReporter::arrived(RevisionId id) {
    if (!busy_.insert(id).second) return;
    look_soon();
    RevisionReport said = report(id);
    is_news(id, said);
    deliver_({std::move(said)});
}

void LoadReporter::wake(RevisionId id) {
    if (!router_.revision(id)) return;
    busy_.insert(id);
    look_soon();
    RevisionReport said = report(id);
    // Where pods serve, it may have a slot by the time that the levels are looked at.
    if (router_.view(id).pods_ready > 0 || !is_news(id, said)) return;
    deliver_({std::move(said)});
}

void LoadReporter::look_at_levels() {
    looking_ = false;
    RevisionReports news;
    for (const RevisionId id : busy_) {
        if (!router_.revision(id)) continue;
        RevisionReport said = report(id);
        if (is_news(id, said)) news.push_back(std::move(said));
    }
    if (!news.empty()) deliver_(std::move(news));
    if (!busy_.empty()) look_soon();
}

// --- Each second.

void LoadReporter::tick() {
    RevisionReports all;
    std::set<RevisionId> busy;
    told_.clear();
    for (const RevisionId id : router_.revisions()) {
        RevisionReport said = report(id);
        const common::RequestStats::Report measured = router_.report(id);
        said.load.average = measured.average_concurrency;
        said.load.arrivals = measured.requests;
        const bool idle = said.load == LoadBook::Load{};
        if (!idle) busy.insert(id);
        if (idle && !busy_.contains(id)) continue;
        is_news(id, said);
        all.push_back(std::move(said));
    }
    busy_ = std::move(busy);
    if (!all.empty()) deliver_(std::move(all));
    arm();
}

}  // namespace activator::standalone
