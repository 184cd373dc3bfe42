#include "activator/history.hpp"

#include <algorithm>
#include <utility>

namespace activator {
namespace {

std::vector<std::uint64_t> counts_of(const common::Histogram& histogram) {
    return {histogram.counts().begin(), histogram.counts().end()};
}

std::vector<std::uint64_t> difference(const std::vector<std::uint64_t>& now,
                                      const std::vector<std::uint64_t>& before) {
    std::vector<std::uint64_t> change(now.size());
    for (std::size_t i = 0; i < now.size(); ++i)
        change[i] = now[i] - before[i];
    return change;
}

}  // namespace

History::Snapshot History::take_snapshot(Gateway& gateway, RevisionId id) {
    const RevisionAccount& account = gateway.account(id);
    const RevisionTotals& totals = account.totals;
    const SlotAccount slots = gateway.router().slot_account(id);
    using Session = RequestRecord::Session;
    Snapshot taken;
    taken.classes = totals.classes;
    taken.response = counts_of(totals.response);
    taken.wait = counts_of(totals.wait);
    taken.runs = totals.run.count();
    taken.run_seconds = totals.run.sum();
    taken.cold_starts = account.cold_starts.ready_seconds().count();
    taken.hits = totals.session(Session::hit);
    taken.misses = totals.session(Session::moved) + totals.session(Session::rejected);
    taken.busy_seconds = slots.busy + slots.held;
    taken.all_seconds = slots.busy + slots.held + slots.idle;
    return taken;
}

HistoryPoint History::make_point(const Known& known, const Snapshot& now) {
    HistoryPoint point;
    if (known.snapshots.empty()) return point;
    const Snapshot& last = known.snapshots.back();
    std::uint64_t ended = 0;
    for (std::size_t i = 0; i < now.classes.size(); ++i) {
        const std::uint64_t change = now.classes[i] - last.classes[i];
        ended += change;
        if (i == 0) point.no_answer = change;
        if (i >= 1 && i <= 3) point.good += change;
        if (i == 4) point.client_errors = change;
        if (i == 5) point.server_errors = change;
    }
    point.requests_per_s = static_cast<double>(ended) / common::to_seconds(period);
    point.cold_starts = now.cold_starts - last.cold_starts;
    point.hits = now.hits - last.hits;
    point.misses = now.misses - last.misses;
    const double slot_seconds = now.all_seconds - last.all_seconds;
    if (slot_seconds > 0) point.busy = (now.busy_seconds - last.busy_seconds) / slot_seconds;

    const Snapshot& minute_ago = known.snapshots.front();
    const auto response = difference(now.response, minute_ago.response);
    const auto wait = difference(now.wait, minute_ago.wait);
    const auto of = [](const std::vector<std::uint64_t>& counts, double share) {
        return common::quantile(common::long_seconds, counts, share);
    };
    point.p50 = of(response, 0.5);
    point.p90 = of(response, 0.9);
    point.p95 = of(response, 0.95);
    point.p99 = of(response, 0.99);
    point.wait_p95 = of(wait, 0.95);
    return point;
}

void History::sample(Gateway& gateway) {
    const Router& router = gateway.router();
    std::erase_if(known_, [&](const auto& entry) { return !router.revision(entry.first); });
    const std::chrono::milliseconds at =
        std::chrono::floor<std::chrono::milliseconds>(gateway.time().wall_now().time_since_epoch());
    for (const RevisionId id : router.revisions()) {
        if (!known_.contains(id) && known_.size() >= revisions_max) continue;
        Known& known = known_[id];
        Snapshot now = take_snapshot(gateway, id);
        HistoryPoint point = make_point(known, now);
        const RevisionView view = router.view(id);
        point.at_ms = at.count();
        point.pods_ready = view.pods_ready;
        point.pods = router.pods(id).size() + gateway.unrouted_pods(id).size();
        point.waiting = view.waiting;
        point.running = view.running;
        known.points.push_back(point);
        if (known.points.size() > points_max) known.points.pop_front();
        known.snapshots.push_back(std::move(now));
        if (known.snapshots.size() > window_points) known.snapshots.pop_front();
    }
}

const std::deque<HistoryPoint>& History::points(RevisionId id) const {
    static const std::deque<HistoryPoint> none;
    const auto found = known_.find(id);
    return found == known_.end() ? none : found->second.points;
}

std::optional<Duration> History::mean_run(Gateway& gateway, RevisionId id) const {
    const common::Histogram& all = gateway.account(id).totals.run;
    if (all.count() == 0) return std::nullopt;
    double seconds = all.sum();
    double runs = static_cast<double>(all.count());
    const auto found = known_.find(id);
    if (found != known_.end() && !found->second.snapshots.empty()) {
        const Snapshot& minute_ago = found->second.snapshots.front();
        if (all.count() > minute_ago.runs) {
            seconds -= minute_ago.run_seconds;
            runs -= static_cast<double>(minute_ago.runs);
        }
    }
    return common::from_seconds(seconds / runs);
}

}  // namespace activator
