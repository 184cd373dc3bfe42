#include "common/metrics/catalogue.hpp"

#include <algorithm>
#include <array>

namespace common {
namespace {

constexpr MetricType counter = MetricType::counter;
constexpr MetricType gauge = MetricType::gauge;
constexpr MetricType histogram = MetricType::histogram;

constexpr std::uint8_t router = of_activator | of_sluice;
constexpr std::uint8_t sidecar = of_queue_proxy;
constexpr std::uint8_t all = router | sidecar;

constexpr MetricInfo catalogue[] = {
    {"sluice_queue_length", gauge, all, "",
     "Requests that wait: for a pod (router), for the slot (queue-proxy)"},
    {"sluice_queue_bytes", gauge, router, "", "Memory held by requests that wait, in bytes"},
    {"sluice_wait_seconds", histogram, all, "",
     "How long a request waited for its pod or slot, all its waits together"},
    {"sluice_queue_seconds_total", counter, router, "",
     "Of the waits: time in which pods were ready but busy"},
    {"sluice_cold_seconds_total", counter, router, "",
     "Of the waits: time in which no pod was ready"},
    {"sluice_run_seconds", histogram, all, "",
     "How long a request was at its pod (router) or in the application (queue-proxy)"},
    {"sluice_response_seconds", histogram, router, "",
     "From a request's arrival to the end of its answer"},
    {"sluice_requests_running", gauge, router, "",
     "Requests at pods, those of departed clients included"},
    {"sluice_requests_total", counter, all, "code_class: none 1xx 2xx 3xx 4xx 5xx",
     "Requests that ended, probes not counted, by class of their status; none: no answer was sent"},
    {"sluice_control_requests_total", counter, all, "", "Of these, in the control lane"},
    {"sluice_dispatches_total", counter, router, "", "Times a request was sent to a pod"},
    {"sluice_redispatches_total", counter, router, "",
     "Of these, second and later times of one request"},
    {"sluice_refused_total", counter, all, "reason: queue_full bytes_full shutting_down",
     "Requests answered 503 because there was no room to wait, or no time left"},
    {"sluice_expired_total", counter, router, "cause: cold_start queue revision_removed",
     "Requests answered 504 because they waited too long"},
    {"sluice_cancelled_total", counter, router, "",
     "Waiting requests that somebody cancelled on the page"},
    {"sluice_abandoned_total", counter, all, "stage: waiting running",
     "Requests whose client left first"},
    {"sluice_aborted_total", counter, sidecar, "", "Answers broken off in the middle"},
    {"sluice_affinity_total", counter, router, "result: hit moved new rejected",
     "Answers to requests that may have a session: from its pod, from another pod, no session yet, "
     "a cookie that is not good"},
    {"sluice_sessions_live", gauge, router, "",
     "Sessions seen here and not over yet; at most 100000 are counted"},
    {"sluice_pods", gauge, router,
     "state: pending starting idle busy reserved backing_off draining stopping failed",
     "Pods by state; pending, stopping and failed are known to sluice only; reserved: busy, and we "
     "wait for a slot there"},
    {"sluice_pods_ready", gauge, router, "", "Pods that may be given requests"},
    {"sluice_cold_start_seconds", histogram, all,
     "phase: pod_created app_port_open ready "
     "first_byte",
     "From the moment a pod was asked for (queue-proxy: began to run) until that phase was "
     "reached; app_port_open is known to queue-proxy only, pod_created to the others"},
    {"sluice_cold_starts_total", counter, of_sluice, "", "Pods asked for"},
    {"sluice_slots", gauge, all, "state: running held granted free",
     "Slots now: with a live request, kept by a departed client's, kept for an activator "
     "(queue-proxy only), free"},
    {"sluice_slot_seconds_total", counter, all, "state: busy held granted idle",
     "The account of GPU seconds: the time of all slots of ready pods, by what they "
     "were used for, as in sluice_slots"},
    {"sluice_reservations", gauge, sidecar, "",
     "Activators that wait for a slot on behalf of a request of theirs"},
    {"sluice_client_connections", gauge, router, "(none, not even the revision's)",
     "Connections of clients"},
    {"sluice_client_connections_refused_total", counter, router, "(none, not even the revision's)",
     "Connections closed at once: a limit was reached and all had a request"},
    {"sluice_client_connections_evicted_total", counter, router, "(none, not even the revision's)",
     "Connections without a request that made room for another"},
    {"sluice_log_lines_lost_total", counter, all, "(none, not even the revision's)",
     "Lines of the log that could not be written at once, and are missing"},
    {"sluice_trace_spans_exported_total", counter, all, "(none, not even the revision's)",
     "Spans that the collector took"},
    {"sluice_trace_spans_dropped_total", counter, all, "(none, not even the revision's)",
     "Spans that are missing there: too many waited, or it did not take them"},
    {"sluice_loop_lag_seconds", histogram, all, "(none, not even the revision's)",
     "How late the event loop came to a timer; long means that this program is the bottleneck"},
    {"sluice_timers", gauge, all, "(none, not even the revision's)",
     "Deadlines that are set now; goes with connections and requests"},
};

constexpr std::string_view type_name(MetricType type) {
    switch (type) {
        case MetricType::counter:
            return "counter";
        case MetricType::gauge:
        case MetricType::up_down:
            return "gauge";
        case MetricType::histogram:
            break;
    }
    return "histogram";
}

std::string programs_text(std::uint8_t programs) {
    constexpr std::array<std::string_view, 3> names = {"activator", "sluice", "queue-proxy"};
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if ((programs >> i & 1) == 0) continue;
        if (!text.empty()) text += ", ";
        text += names[i];
    }
    return text;
}

}  // namespace

std::span<const MetricInfo> metric_catalogue() {
    return catalogue;
}

const MetricInfo* find_metric(std::string_view name) {
    const auto found = std::find_if(std::begin(catalogue), std::end(catalogue),
                                    [name](const MetricInfo& info) { return info.name == name; });
    return found == std::end(catalogue) ? nullptr : found;
}

std::string metrics_markdown_table() {
    std::string table =
        "| metric | type | labels | what it counts | shown by |\n|---|---|---|---|---|\n";
    for (const MetricInfo& info : catalogue) {
        table += "| `" + std::string(info.name) + "` | " + std::string(type_name(info.type)) +
                 " | " + std::string(info.labels) + " | " + std::string(info.help) + " | " +
                 programs_text(info.programs) + " |\n";
    }
    return table;
}

}  // namespace common
