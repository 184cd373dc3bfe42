#include "activator/page_state.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "activator/core/wait_estimate.hpp"
#include "activator/status.hpp"
#include "common/core/path_pattern.hpp"

namespace activator {
namespace {

using common::to_seconds;
using nlohmann::ordered_json;

constexpr std::size_t text_max = 100;  // of a method and path; they come from clients

std::string key_of(const Revision& revision) {
    return revision.name_space + "/" + revision.name;
}

// Without the query: it may hold what nobody but its sender should read.
std::string what_of(const Ticket& ticket) {
    if (ticket.head == nullptr) return "";
    std::string what =
        ticket.head->method + " " + std::string(common::path_of_target(ticket.head->target));
    if (what.size() > text_max) what.replace(text_max, std::string::npos, "…");
    return what;
}

double tenths(Duration duration) {
    const auto whole = std::chrono::round<std::chrono::milliseconds>(duration).count() / 100;
    return static_cast<double>(whole) / 10;
}

ordered_json optional_number(const std::optional<double>& value) {
    return value ? ordered_json(*value) : ordered_json(nullptr);
}

std::string text_of(const ordered_json& json) {
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// One revision in full.
class RevisionState {
  public:
    RevisionState(Gateway& gateway, const History& history, RevisionId id)
        : gateway_(gateway),
          router_(gateway.router()),
          account_(gateway.account(id)),
          id_(id),
          revision_(router_.revision(id)),
          now_(gateway.time().now()),
          mean_run_(history.mean_run(gateway, id)) {
        const common::Histogram& ready = account_.cold_starts.ready_seconds();
        if (ready.count() > 0)
            mean_start_ = common::from_seconds(ready.sum() / static_cast<double>(ready.count()));
        for (const Ticket* ticket : router_.running(id))
            running_[ticket->pod].push_back(ticket);
    }

    ordered_json json(std::size_t queue_from) {
        const RevisionView view = router_.view(id_);
        const SlotAccount slots = router_.slot_account(id_);
        ordered_json json;
        json["key"] = key_of(*revision_);
        json["service"] = revision_->service;
        json["revision"] = revision_->name;
        json["concurrency"] = revision_->concurrency;
        json["affinity"] =
            revision_->knobs.affinity.enabled || !revision_->knobs.affinity_header.empty();
        json["waiting"] = view.waiting;
        json["bytes_waiting"] = view.bytes_waiting;
        json["running"] = view.running;
        json["held"] = slots.held_now;
        json["controls"] = view.controls;
        json["pods_ready"] = view.pods_ready;
        json["sessions"] = account_.sessions.count(now_);
        json["slot_seconds"] = {{"busy", slots.busy}, {"held", slots.held}, {"idle", slots.idle}};
        json["totals"] = totals();
        json["mean_run_s"] = mean_run_ ? ordered_json(to_seconds(*mean_run_)) : ordered_json();
        json["mean_start_s"] =
            mean_start_ ? ordered_json(to_seconds(*mean_start_)) : ordered_json();
        add_pods(json);
        json["queue"] = queue(queue_from, view.waiting);
        return json;
    }

  private:
    ordered_json totals() const {
        const RevisionTotals& totals = account_.totals;
        using Session = RequestRecord::Session;
        return {{"requests", totals.requests},
                {"good", totals.classes[1] + totals.classes[2] + totals.classes[3]},
                {"client_errors", totals.classes[4]},
                {"server_errors", totals.classes[5]},
                {"no_answer", totals.classes[0]},
                {"dispatches", totals.dispatches},
                {"redispatches", totals.redispatches},
                {"refused", totals.refused()},
                {"expired", totals.expired()},
                {"cancelled", totals.cancelled()},
                {"abandoned", totals.abandoned()},
                {"cold_starts", account_.cold_starts.ready_seconds().count()},
                {"hit", totals.session(Session::hit)},
                {"moved", totals.session(Session::moved)},
                {"new", totals.session(Session::fresh)},
                {"rejected", totals.session(Session::rejected)}};
    }

    Duration running_for(const Ticket& ticket) const {
        return now_ - ticket.arrived - ticket.waited_cold - ticket.waited_queued;
    }

    void add_pods(ordered_json& json) {
        const std::vector<const Pod*> pods = router_.pods(id_);
        const std::vector<UnroutedPod> others = gateway_.unrouted_pods(id_);
        ordered_json tiles = ordered_json::array();
        for (const Pod* pod : pods) {
            const std::optional<PodView> view = router_.pod_view(pod->id);
            if (!view) continue;
            note_slots(*pod, *view);
            if (tiles.size() < pod_tiles_max) tiles.push_back(tile(*pod, *view));
        }
        for (const UnroutedPod& pod : others) {
            if (pod.state == "pending") note_start(pod.asked_at);
            if (tiles.size() >= pod_tiles_max) continue;
            ordered_json one{{"name", pod.name}, {"state", pod.state}};
            if (!pod.reason.empty()) one["reason"] = pod.reason;
            if (pod.state == "pending") one["asked_s"] = tenths(now_ - pod.asked_at);
            tiles.push_back(std::move(one));
        }
        json["pods"] = std::move(tiles);
        json["pods_total"] = pods.size() + others.size();
    }

    ordered_json tile(const Pod& pod, const PodView& view) {
        ordered_json tile{{"name", pod.name}, {"state", pod_state(view)}};
        const auto& sessions = account_.sessions.by_pod(now_);
        const auto lives = sessions.find(pod.id);
        tile["sessions"] = lives == sessions.end() ? 0 : lives->second;
        tile["pinned"] = view.pinned_waiting;
        const std::optional<Instant> asked = account_.cold_starts.asked_at(pod.id);
        if (!view.ready && asked) tile["asked_s"] = tenths(now_ - *asked);
        ordered_json requests = ordered_json::array();
        std::size_t slots_seen = 0;
        for (const Ticket* ticket : running_[pod.id]) {
            if (!ticket->control) ++slots_seen;
            if (requests.size() >= 4) continue;
            requests.push_back({{"what", what_of(*ticket)},
                                {"control", ticket->control},
                                {"running_s", tenths(running_for(*ticket))}});
        }
        tile["in_flight"] = view.in_flight;
        tile["held"] = view.in_flight - std::min<std::size_t>(view.in_flight, slots_seen);
        tile["requests"] = std::move(requests);
        return tile;
    }

    // --- For the estimate: when is each slot free?

    void note_start(Instant asked_at) {
        if (!mean_start_) return;
        const std::uint32_t slots = std::max<std::uint32_t>(revision_->concurrency, 1);
        free_in_.insert(free_in_.end(), slots, *mean_start_ - (now_ - asked_at));
    }

    void note_slots(const Pod& pod, const PodView& view) {
        if (view.draining) return;
        if (!view.ready) {
            note_start(account_.cold_starts.asked_at(pod.id).value_or(now_));
            return;
        }
        if (!mean_run_) return;
        std::size_t known = 0;
        for (const Ticket* ticket : running_[pod.id]) {
            if (ticket->control) continue;
            ++known;
            free_in_.push_back(*mean_run_ - running_for(*ticket));
        }
        // What a departed client left there has an age that nobody knows.
        for (std::size_t i = known; i < view.in_flight; ++i)
            free_in_.push_back(*mean_run_);
        // The rest of a reserved pod's slots other activators have.
        const Duration rest = view.reserved ? *mean_run_ : Duration::zero();
        for (std::size_t i = view.in_flight; i < revision_->concurrency; ++i)
            free_in_.push_back(rest);
    }

    ordered_json queue(std::size_t from, std::size_t waiting) const {
        from = waiting == 0 ? 0 : std::min(from, (waiting - 1) / queue_rows_max * queue_rows_max);
        const WaitEstimate estimate(free_in_, mean_run_.value_or(Duration::zero()),
                                    revision_->concurrency == 0);
        ordered_json rows = ordered_json::array();
        std::size_t position = from;
        for (const Ticket* ticket : router_.waiting(id_, from, queue_rows_max)) {
            ordered_json row{{"id", ticket->id.value},
                             {"position", position + 1},
                             {"what", what_of(*ticket)},
                             {"waited_s", tenths(now_ - ticket->arrived)}};
            const std::optional<Duration> left = estimate.at(position);
            // Without a mean run time only the first round is known.
            const bool known = left && (mean_run_ || position < free_in_.size());
            row["estimate_s"] = known ? ordered_json(tenths(*left)) : ordered_json(nullptr);
            const Pod* home = ticket->pinned ? router_.pod(*ticket->pinned) : nullptr;
            if (home != nullptr && router_.keeps_sessions(home->id)) row["pod"] = home->name;
            rows.push_back(std::move(row));
            ++position;
        }
        return {{"from", from}, {"rows", std::move(rows)}};
    }

    Gateway& gateway_;
    const Router& router_;
    RevisionAccount& account_;
    RevisionId id_;
    std::shared_ptr<const Revision> revision_;
    Instant now_;
    std::optional<Duration> mean_run_;
    std::optional<Duration> mean_start_;
    std::map<PodId, std::vector<const Ticket*>> running_;
    std::vector<Duration> free_in_;
};

ordered_json point_array(const HistoryPoint& point) {
    return {point.at_ms,
            point.requests_per_s,
            point.good,
            point.client_errors,
            point.server_errors,
            point.no_answer,
            point.pods_ready,
            point.pods,
            point.waiting,
            point.running,
            optional_number(point.p50),
            optional_number(point.p90),
            optional_number(point.p95),
            optional_number(point.p99),
            optional_number(point.wait_p95),
            point.cold_starts,
            point.hits,
            point.misses,
            optional_number(point.busy)};
}

}  // namespace

RevisionId revision_of(const PageView& view, const Router& router) {
    const std::vector<RevisionId> all = router.revisions();
    for (const RevisionId id : all) {
        if (key_of(*router.revision(id)) == view.revision) return id;
    }
    return all.empty() ? RevisionId{} : all.front();
}

std::string state_json(const PageView& view, Gateway& gateway, const History& history) {
    const Router& router = gateway.router();
    ordered_json json;
    json["program"] = gateway.metrics_of() == common::of_sluice ? "sluice" : "activator";
    json["connections"] = gateway.connections();
    ordered_json listed = ordered_json::array();
    const std::vector<RevisionId> all = router.revisions();
    for (const RevisionId id : all) {
        if (listed.size() >= revisions_listed_max) break;
        const Revision& revision = *router.revision(id);
        const RevisionView now = router.view(id);
        const auto& points = history.points(id);
        const HistoryPoint last = points.empty() ? HistoryPoint{} : points.back();
        listed.push_back(
            {{"key", key_of(revision)},
             {"service", revision.service},
             {"waiting", now.waiting},
             {"running", now.running},
             {"pods_ready", now.pods_ready},
             {"pods", router.pods(id).size() + gateway.unrouted_pods(id).size()},
             {"rps", points.empty() ? ordered_json() : ordered_json(last.requests_per_s)},
             {"wait_p95_s", optional_number(last.wait_p95)}});
    }
    json["revisions"] = std::move(listed);
    json["revisions_total"] = all.size();
    const RevisionId id = revision_of(view, router);
    if (id != RevisionId{})
        json["selected"] = RevisionState(gateway, history, id).json(view.queue_from);
    return text_of(json);
}

std::string history_json(const PageView& view, Gateway& gateway, const History& history) {
    ordered_json json;
    ordered_json points = ordered_json::array();
    for (const HistoryPoint& point : history.points(revision_of(view, gateway.router())))
        points.push_back(point_array(point));
    json["columns"] = {"at",      "rps",        "good",    "e4xx",   "e5xx", "none", "ready",
                       "pods",    "waiting",    "running", "p50",    "p90",  "p95",  "p99",
                       "waitP95", "coldStarts", "hits",    "misses", "busy"};
    json["points"] = std::move(points);
    return text_of(json);
}

std::string point_json(const PageView& view, Gateway& gateway, const History& history) {
    const auto& points = history.points(revision_of(view, gateway.router()));
    return points.empty() ? "" : text_of(point_array(points.back()));
}

std::string log_json(const EventLog& log, std::uint64_t after) {
    ordered_json lines = ordered_json::array();
    for (const EventLog::Line& line : log.lines()) {
        if (line.number <= after) continue;
        const auto at =
            std::chrono::floor<std::chrono::milliseconds>(line.at.time_since_epoch()).count();
        lines.push_back({{"at", at}, {"service", line.service}, {"text", line.text}});
    }
    return text_of(lines);
}

}  // namespace activator
