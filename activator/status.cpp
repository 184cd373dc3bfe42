#include "activator/status.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <nlohmann/json.hpp>

#include "common/metrics/metrics_page.hpp"
#include "common/trace/telemetry_metrics.hpp"

namespace activator {
namespace {

using common::to_seconds;
using nlohmann::ordered_json;

constexpr std::array<std::string_view, 9> pod_states = {"pending",  "starting", "idle",
                                                        "busy",     "reserved", "backing_off",
                                                        "draining", "stopping", "failed"};

ordered_json pod_json(const Router& router, const Pod& pod) {
    ordered_json json;
    json["name"] = pod.name;
    const std::optional<PodView> view = router.pod_view(pod.id);
    if (!view) return json;
    json["state"] = pod_state(*view);
    json["in_flight"] = view->in_flight;
    json["controls"] = view->controls;
    json["pinned_waiting"] = view->pinned_waiting;
    return json;
}

ordered_json totals_json(const RevisionTotals& totals) {
    ordered_json json;
    json["requests"] = totals.requests;
    json["2xx"] = totals.classes[2];
    json["3xx"] = totals.classes[3];
    json["4xx"] = totals.classes[4];
    json["5xx"] = totals.classes[5];
    json["no_answer"] = totals.classes[0];
    json["dispatches"] = totals.dispatches;
    json["redispatches"] = totals.redispatches;
    json["abandoned"] = totals.abandoned();
    json["expired"] = totals.expired();
    json["refused"] = totals.refused();
    json["cancelled"] = totals.cancelled();
    json["queue_seconds"] = to_seconds(totals.waited_queue);
    json["cold_seconds"] = to_seconds(totals.waited_cold);
    json["run_seconds"] = to_seconds(totals.ran);
    return json;
}

using Labels = common::MetricsPage::Labels;
using Turned = RequestRecord::Turned;

// Adds one revision's samples to the page.
class RevisionMetrics {
  public:
    RevisionMetrics(common::MetricsPage& page, Gateway& gateway, const Revision& revision)
        : page_(page),
          gateway_(gateway),
          id_(revision.id),
          labels_{{"namespace_name", revision.name_space},
                  {"service_name", revision.service},
                  {"revision_name", revision.name}} {}

    void add_all() {
        add_queue();
        add_requests();
        add_ends();
        add_pods();
        add_cold_starts();
        add_slots();
    }

  private:
    void add(std::string_view name, double value) { page_.add(name, labels_, value); }
    void add(std::string_view name, std::uint64_t value) { add(name, static_cast<double>(value)); }
    void add(std::string_view name, const common::Histogram& value) {
        page_.add(name, labels_, value);
    }
    Labels with(const std::string& name, const std::string& value) const {
        Labels labels = labels_;
        labels.emplace_back(name, value);
        return labels;
    }
    void add(std::string_view name, const std::string& label, const std::string& is, double value) {
        page_.add(name, with(label, is), value);
    }

    void add_queue() {
        const RevisionView view = gateway_.router().view(id_);
        add("sluice_queue_length", std::uint64_t{view.waiting});
        add("sluice_queue_bytes", std::uint64_t{view.bytes_waiting});
        add("sluice_requests_running", std::uint64_t{view.running});
        add("sluice_pods_ready", std::uint64_t{view.pods_ready});
    }

    void add_requests() {
        const RevisionTotals& totals = gateway_.account(id_).totals;
        static const std::array<std::string, 6> classes = {"none", "1xx", "2xx",
                                                           "3xx",  "4xx", "5xx"};
        for (std::size_t i = 0; i < classes.size(); ++i)
            add("sluice_requests_total", "code_class", classes[i],
                static_cast<double>(totals.classes[i]));
        add("sluice_control_requests_total", totals.controls);
        add("sluice_dispatches_total", totals.dispatches);
        add("sluice_redispatches_total", totals.redispatches);
        add("sluice_queue_seconds_total", to_seconds(totals.waited_queue));
        add("sluice_cold_seconds_total", to_seconds(totals.waited_cold));
        add("sluice_wait_seconds", totals.wait);
        add("sluice_run_seconds", totals.run);
        add("sluice_response_seconds", totals.response);
    }

    void add_ends() {
        RevisionAccount& account = gateway_.account(id_);
        const RevisionTotals& totals = account.totals;
        const auto turned = [&](std::string_view name, const std::string& label,
                                const std::string& is, Turned cause) {
            add(name, label, is, static_cast<double>(totals.turned_by({cause})));
        };
        turned("sluice_refused_total", "reason", "queue_full", Turned::queue_full);
        turned("sluice_refused_total", "reason", "bytes_full", Turned::bytes_full);
        turned("sluice_refused_total", "reason", "shutting_down", Turned::shutting_down);
        turned("sluice_expired_total", "cause", "cold_start", Turned::cold_start_timeout);
        turned("sluice_expired_total", "cause", "queue", Turned::queue_timeout);
        turned("sluice_expired_total", "cause", "revision_removed", Turned::revision_removed);
        add("sluice_cancelled_total", totals.cancelled());
        add("sluice_abandoned_total", "stage", "waiting", static_cast<double>(totals.left_waiting));
        add("sluice_abandoned_total", "stage", "running", static_cast<double>(totals.left_running));
        using Session = RequestRecord::Session;
        const auto session = [&](const std::string& result, Session kind) {
            add("sluice_affinity_total", "result", result,
                static_cast<double>(totals.session(kind)));
        };
        session("hit", Session::hit);
        session("moved", Session::moved);
        session("new", Session::fresh);
        session("rejected", Session::rejected);
        add("sluice_sessions_live", std::uint64_t{account.sessions.count(gateway_.time().now())});
    }

    void add_pods() {
        std::map<std::string_view, std::size_t> states;
        for (const Pod* pod : gateway_.router().pods(id_)) {
            const std::optional<PodView> view = gateway_.router().pod_view(pod->id);
            if (view) ++states[pod_state(*view)];
        }
        for (const UnroutedPod& pod : gateway_.unrouted_pods(id_))
            ++states[pod.state];
        for (const std::string_view state : pod_states)
            add("sluice_pods", "state", std::string(state), static_cast<double>(states[state]));
    }

    void add_cold_starts() {
        const ColdStarts& starts = gateway_.account(id_).cold_starts;
        const auto phase = [&](const std::string& is, const common::Histogram& seconds) {
            page_.add("sluice_cold_start_seconds", with("phase", is), seconds);
        };
        phase("pod_created", starts.pod_created_seconds());
        phase("ready", starts.ready_seconds());
        phase("first_byte", starts.first_byte_seconds());
        if (gateway_.metrics_of() == common::of_sluice)
            add("sluice_cold_starts_total", starts.asked_count());
    }

    void add_slots() {
        const SlotAccount account = gateway_.router().slot_account(id_);
        const RevisionView view = gateway_.router().view(id_);
        const bool unlimited = gateway_.router().revision(id_)->concurrency == 0;
        const std::size_t free = unlimited ? 0 : view.slots_free;
        const auto slots = [&](const std::string& is, std::size_t n) {
            add("sluice_slots", "state", is, static_cast<double>(n));
        };
        slots("running", view.running - std::min(view.running, account.held_now));
        slots("held", account.held_now);
        slots("free", free);
        add("sluice_slot_seconds_total", "state", "busy", account.busy);
        add("sluice_slot_seconds_total", "state", "held", account.held);
        add("sluice_slot_seconds_total", "state", "idle", account.idle);
    }

    common::MetricsPage& page_;
    Gateway& gateway_;
    RevisionId id_;
    Labels labels_;
};

}  // namespace

std::string_view pod_state(const PodView& view) {
    if (view.draining) return "draining";
    if (!view.ready) return "starting";
    if (view.backing_off) return "backing_off";
    if (view.reserved) return "reserved";
    return view.in_flight > 0 ? "busy" : "idle";
}

std::string status_json(Gateway& gateway) {
    const Router& router = gateway.router();
    ordered_json json;
    json["revisions"] = ordered_json::array();
    for (const RevisionId id : router.revisions()) {
        const Revision& revision = *router.revision(id);
        const RevisionView view = router.view(id);
        ordered_json one;
        one["namespace"] = revision.name_space;
        one["service"] = revision.service;
        one["revision"] = revision.name;
        one["waiting"] = view.waiting;
        one["running"] = view.running;
        one["controls"] = view.controls;
        one["bytes_waiting"] = view.bytes_waiting;
        one["pods_ready"] = view.pods_ready;
        one["pods"] = ordered_json::array();
        for (const Pod* pod : router.pods(id))
            one["pods"].push_back(pod_json(router, *pod));
        one["totals"] = totals_json(gateway.account(id).totals);
        json["revisions"].push_back(std::move(one));
    }
    json["connections"] = gateway.connections();
    return json.dump(2) + "\n";
}

std::vector<common::MetricFamilyText> metric_families(Gateway& gateway) {
    common::MetricsPage page(gateway.metrics_of());
    for (const RevisionId id : gateway.router().revisions())
        RevisionMetrics(page, gateway, *gateway.router().revision(id)).add_all();
    page.add("sluice_client_connections", {}, static_cast<double>(gateway.connections()));
    page.add("sluice_client_connections_refused_total", {},
             static_cast<double>(gateway.refused_connections()));
    page.add("sluice_client_connections_evicted_total", {},
             static_cast<double>(gateway.evicted_connections()));
    common::add_telemetry(page, gateway.spans());
    page.add("sluice_loop_lag_seconds", {}, gateway.loop_lag().seconds());
    page.add("sluice_timers", {}, static_cast<double>(gateway.loop_lag().timers()));
    return page.families();
}

std::string metrics_text(Gateway& gateway) {
    return common::exposition(metric_families(gateway));
}

}  // namespace activator
