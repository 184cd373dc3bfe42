#include "proxy/metrics.hpp"

#include <algorithm>
#include <array>

#include "common/core/path_pattern.hpp"
#include "common/core/route_tag.hpp"
#include "common/http/gzip.hpp"
#include "common/http/simple_response.hpp"
#include "proxy/answers.hpp"

namespace proxy {
namespace {

using common::Histogram;
using common::MetricFamilyText;
using common::MetricSample;
using common::MetricType;

// Contract 7: OTel's buckets, and those of the OpenCensus era in milliseconds.
constexpr double otel_seconds[] = {.005, .01, .025, .05, .075, .1,  .25,
                                   .5,   .75, 1,    2.5, 5,    7.5, 10};
constexpr double otel_bytes[] = {0,   5,   10,   25,   50,   75,   100,  250,
                                 500, 750, 1000, 2500, 5000, 7500, 10000};
constexpr double legacy_ms[] = {5,   10,   20,   40,   60,    80,    100,   150,   200,
                                250, 300,  350,  400,  450,   500,   600,   700,   800,
                                900, 1000, 2000, 5000, 10000, 20000, 50000, 100000};

// Series of one family that clients can cause.
constexpr std::size_t series_max = 200;

constexpr std::string_view queue_scope = "knative.dev/serving/pkg/queue";
constexpr std::string_view http_scope =
    "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp";

using Labels = std::vector<std::pair<std::string, std::string>>;

std::string known_method(const std::string& method) {
    static constexpr std::array<std::string_view, 9> known = {
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    return std::find(known.begin(), known.end(), method) == known.end() ? "_OTHER" : method;
}

struct HostPort {
    std::string host;
    std::string port;  // empty: absent or the default
};

HostPort split_host(std::string_view host) {
    HostPort split;
    const std::size_t colon = host.rfind(':');
    const bool has_port = colon != std::string_view::npos && host.find(']', colon) == host.npos;
    split.host = host.substr(0, has_port ? colon : host.npos);
    if (has_port) split.port = host.substr(colon + 1);
    if (split.port == "80") split.port.clear();
    return split;
}

void observe(std::map<Labels, Histogram>& series, const Labels& labels,
             std::span<const double> bounds, double value) {
    auto it = series.find(labels);
    if (it == series.end()) {
        Labels kept = labels;
        if (series.size() >= series_max) {
            for (auto& [name, text] : kept) {
                const bool from_client =
                    name == "server.address" || name == "server.port" || name == "kn.route.tag";
                if (from_client) text = "_other";
            }
        }
        it = series.try_emplace(std::move(kept), bounds).first;
    }
    it->second.observe(value);
}

void append(std::vector<MetricFamilyText>& families, MetricFamilyText family,
            const std::map<Labels, Histogram>& series) {
    if (series.empty()) return;
    for (const auto& [labels, histogram] : series) {
        MetricSample sample;
        sample.labels = labels;
        sample.histogram = &histogram;
        family.samples.push_back(std::move(sample));
    }
    families.push_back(std::move(family));
}

void append_counts(std::vector<MetricFamilyText>& families, const char* name, const char* help,
                   const std::map<Labels, Histogram>& series) {
    if (series.empty()) return;
    MetricFamilyText family{name, help, MetricType::counter, {}};
    for (const auto& [labels, histogram] : series) {
        MetricSample sample;
        sample.labels = labels;
        sample.value = static_cast<double>(histogram.count());
        family.samples.push_back(std::move(sample));
    }
    families.push_back(std::move(family));
}

MetricFamilyText histograms(const char* name, const char* help) {
    return {name, help, MetricType::histogram, {}};
}

MetricFamilyText http_histograms(const char* name, std::string_view unit, const char* help) {
    return common::otel_family({name, unit, http_scope}, MetricType::histogram, help);
}

// What the log, the metrics and stock say where the recorded status is another.
int shown_status(const RequestRecord& record) {
    if (record.aborted) return 500;
    if (record.upgraded || record.status == 0) return 200;  // contract 3.11; Go's default
    return record.status;
}

}  // namespace

Metrics::Metrics(const Config& config, Gate& gate, const ColdStart& cold_start,
                 const common::LoopLag& lag)
    : config_(config), gate_(gate), cold_start_(cold_start), lag_(lag) {}

void Metrics::add(const common::RequestHead& head, const RequestRecord& record) {
    if (record.executed && config_.limits.concurrency > 0) {
        depth_ = record.depth;
        depth_seen_ = true;
    }
    const int status = shown_status(record);
    add_totals(record, status);
    if (!record.what.quiet && !record.what.answered_here()) add_server(head, record, status);
    if (record.executed) add_invocation(head, record, status);
}

void Metrics::add_totals(const RequestRecord& record, int status) {
    if (record.what.answered_here()) return;
    // Nothing was sent to a client that left before the answer began.
    const bool nothing = record.client_gone && record.status == 0;
    const int status_class = nothing ? 0 : status / 100;
    ++totals_.classes.at(status_class <= 5 ? static_cast<std::size_t>(status_class) : 0);
    if (record.what.control) ++totals_.control;
    if (record.status == 503 && !record.executed) ++totals_.refused;
    if (record.aborted) ++totals_.aborted;
    if (record.client_gone) ++(record.executed ? totals_.left_running : totals_.left_waiting);
}

void Metrics::add_server(const common::RequestHead& head, const RequestRecord& record, int status) {
    const HostPort host = split_host(head.fields.get("Host"));
    const std::string_view tag = common::route_tag(
        head.fields.get("Knative-Serving-Tag"), head.fields.get("Knative-Serving-Default-Route"));
    Labels labels{{"http.request.method", known_method(head.method)},
                  {"http.response.status_code", std::to_string(status)},
                  {"kn.route.tag", std::string(tag)},
                  {"network.protocol.name", "http"},
                  {"network.protocol.version", head.version >= 20   ? "2"
                                               : head.version >= 11 ? "1.1"
                                                                    : "1.0"},
                  {"server.address", host.host}};
    if (!host.port.empty()) labels.emplace_back("server.port", host.port);
    labels.emplace_back("url.scheme", record.secure ? "https" : "http");
    const double seconds = common::to_seconds(record.ended - record.arrived);
    observe(server_seconds_, labels, otel_seconds, seconds);
    observe(server_request_bytes_, labels, otel_bytes, static_cast<double>(record.request_bytes));
    observe(server_response_bytes_, labels, otel_bytes, static_cast<double>(record.response_bytes));
    observe(legacy_request_ms_, legacy_labels(status), legacy_ms, seconds * 1e3);
}

void Metrics::add_invocation(const common::RequestHead& head, const RequestRecord& record,
                             int status) {
    const double seconds = common::to_seconds(record.ended - record.executing);
    if (!record.what.quiet) {
        observe(invocation_seconds_, {{"http.response.status_code", std::to_string(status)}},
                otel_seconds, seconds);
        observe(legacy_app_ms_, legacy_labels(status), legacy_ms, seconds * 1e3);
        if (!record.what.control) {
            wait_seconds_.observe(common::to_seconds(record.executing - record.arrived));
            run_seconds_.observe(seconds);
        }
    }
    Labels labels{{"http.request.method", known_method(head.method)}};
    if (!record.app_failed)
        labels.emplace_back("http.response.status_code", std::to_string(status));
    if (!record.what.quiet) {
        labels.emplace_back("kn.route.tag",
                            common::route_tag(head.fields.get("Knative-Serving-Tag"),
                                              head.fields.get("Knative-Serving-Default-Route")));
    }
    labels.emplace_back("network.protocol.name", "http");
    labels.emplace_back("network.protocol.version", "1.1");
    labels.emplace_back("server.address", "127.0.0.1");
    labels.emplace_back("server.port", std::to_string(config_.user_port));
    labels.emplace_back("url.scheme", "http");
    observe(client_seconds_, labels, otel_seconds, seconds);
    observe(client_request_bytes_, labels, otel_bytes, static_cast<double>(record.request_bytes));
}

Metrics::Labels Metrics::legacy_labels(int status) const {
    const Identity& identity = config_.identity;
    Labels labels{{"configuration_name", identity.configuration},
                  {"container_name", "queue-proxy"},
                  {"namespace_name", identity.namespace_name},
                  {"pod_name", identity.pod}};
    if (status > 0) {
        labels.emplace_back("response_code", std::to_string(status));
        labels.emplace_back("response_code_class", std::to_string(status / 100) + "xx");
    }
    labels.emplace_back("revision_name", identity.revision);
    labels.emplace_back("service_name", identity.service);
    return labels;
}

// --- The page.

void Metrics::append_identity(std::vector<MetricFamilyText>& families) const {
    const Identity& identity = config_.identity;
    MetricSample target;
    target.labels = {{"container_name", "queue-proxy"},
                     {"k8s_namespace_name", identity.namespace_name},
                     {"k8s_pod_name", identity.instance},
                     {"kn_configuration_name", identity.configuration},
                     {"kn_revision_name", identity.revision},
                     {"kn_service_name", identity.service},
                     {"service_instance_id", identity.instance},
                     {"service_name", identity.otel_service},
                     {"service_version", SLUICE_VERSION}};
    target.value = 1;
    families.push_back({"target_info", "Target metadata", MetricType::gauge, {target}});
}

void Metrics::append_depth(std::vector<MetricFamilyText>& families) const {
    if (!depth_seen_) return;
    MetricFamilyText family = common::otel_family(
        {"kn.serving.queue.depth", "{request}", queue_scope, false}, MetricType::gauge,
        "Requests running and waiting when the last one began to execute");
    family.samples.push_back({{}, static_cast<double>(depth_), nullptr});
    families.push_back(std::move(family));
}

void Metrics::add_slots(common::MetricsPage& page) {
    const AdmissionCounts counts = gate_.counts();
    const SlotAccount account = gate_.account();
    const std::size_t taken = counts.running + counts.held + counts.granted;
    const std::size_t limit = gate_.limits().concurrency;
    const auto slots = [&page](const char* state, std::size_t n) {
        page.add("sluice_slots", {{"state", state}}, static_cast<double>(n));
    };
    slots("running", counts.running);
    slots("held", counts.held);
    slots("granted", counts.granted);
    slots("free", limit > taken ? limit - taken : 0);
    page.add("sluice_queue_length", {}, static_cast<double>(counts.waiting));
    page.add("sluice_reservations", {}, static_cast<double>(counts.reserved));
    const auto seconds = [&page](const char* state, double value) {
        page.add("sluice_slot_seconds_total", {{"state", state}}, value);
    };
    seconds("busy", account.busy);
    seconds("held", account.held);
    seconds("granted", account.granted);
    seconds("idle", account.idle);
}

void Metrics::add_counters(common::MetricsPage& page) const {
    static constexpr std::array<const char*, 6> classes = {"none", "1xx", "2xx",
                                                           "3xx",  "4xx", "5xx"};
    for (std::size_t i = 0; i < classes.size(); ++i)
        page.add("sluice_requests_total", {{"code_class", classes[i]}},
                 static_cast<double>(totals_.classes[i]));
    const auto counter = [&page](const char* name, std::uint64_t value,
                                 common::MetricsPage::Labels labels = {}) {
        page.add(name, std::move(labels), static_cast<double>(value));
    };
    counter("sluice_control_requests_total", totals_.control);
    counter("sluice_refused_total", totals_.refused, {{"reason", "queue_full"}});
    counter("sluice_aborted_total", totals_.aborted);
    counter("sluice_abandoned_total", totals_.left_waiting, {{"stage", "waiting"}});
    counter("sluice_abandoned_total", totals_.left_running, {{"stage", "running"}});
}

void Metrics::add_cold_start(common::MetricsPage& page) const {
    const auto phase = [&page](const char* name, const Histogram& seconds) {
        page.add("sluice_cold_start_seconds", {{"phase", name}}, seconds);
    };
    phase("app_port_open", cold_start_.app_port_open());
    phase("ready", cold_start_.ready());
    phase("first_byte", cold_start_.first_byte());
}

void Metrics::append_stock(std::vector<MetricFamilyText>& families) const {
    append(families,
           common::otel_family({"kn.serving.invocation.duration", "s", queue_scope},
                               MetricType::histogram,
                               "Time in the application, queueing not included"),
           invocation_seconds_);
    append_depth(families);
    append(families,
           http_histograms("http.server.request.duration", "s", "Duration of HTTP server requests"),
           server_seconds_);
    append(families,
           http_histograms("http.server.request.body.size", "By",
                           "Size of HTTP server request bodies"),
           server_request_bytes_);
    append(families,
           http_histograms("http.server.response.body.size", "By",
                           "Size of HTTP server response bodies"),
           server_response_bytes_);
    append(families,
           http_histograms("http.client.request.duration", "s", "Duration of HTTP client requests"),
           client_seconds_);
    append(families,
           http_histograms("http.client.request.body.size", "By",
                           "Size of HTTP client request bodies"),
           client_request_bytes_);
}

// Of the OpenCensus era: no part of what is pushed today.
void Metrics::append_legacy(std::vector<MetricFamilyText>& families) const {
    append_counts(families, "revision_request_count", "Requests, by status", legacy_request_ms_);
    append(families, histograms("revision_request_latencies", "Response time in milliseconds"),
           legacy_request_ms_);
    append_counts(families, "revision_app_request_count", "Requests to the application, by status",
                  legacy_app_ms_);
    append(families,
           histograms("revision_app_request_latencies",
                      "Response time of the application in milliseconds"),
           legacy_app_ms_);
    if (!depth_seen_) return;
    MetricSample depth;
    depth.labels = legacy_labels(0);
    depth.value = static_cast<double>(depth_);
    families.push_back({"revision_queue_depth",
                        "As kn_serving_queue_depth",
                        MetricType::gauge,
                        {std::move(depth)}});
}

std::vector<MetricFamilyText> Metrics::families() {
    std::vector<MetricFamilyText> families;
    append_identity(families);
    append_stock(families);
    append_legacy(families);
    common::MetricsPage ours(common::of_queue_proxy);
    ours.add("sluice_wait_seconds", {}, wait_seconds_);
    ours.add("sluice_run_seconds", {}, run_seconds_);
    common::add_telemetry(ours, spans_);
    ours.add("sluice_loop_lag_seconds", {}, lag_.seconds());
    ours.add("sluice_timers", {}, static_cast<double>(lag_.timers()));
    add_slots(ours);
    add_counters(ours);
    add_cold_start(ours);
    for (MetricFamilyText& family : ours.families())
        families.push_back(std::move(family));
    return families;
}

common::awaitable<void> Metrics::serve(common::Exchange& client) {
    const common::RequestHead& head = client.request();
    common::SimpleResponse response;
    if (common::path_of_target(head.target) != "/metrics") {
        response = plain_error(404, "404 page not found");
    } else if (head.method != "GET" && head.method != "HEAD") {
        response = plain_error(405, "Method Not Allowed");
        response.fields.add("Allow", "GET, HEAD");
    } else {
        response.content_type = common::exposition_content_type;
        response.body = text();
        response.fields.add("Vary", "Accept-Encoding");
        if (common::accepts_gzip(head.fields)) {
            response.fields.add("Content-Encoding", "gzip");
            response.body = common::gzip(response.body);
        }
    }
    co_await common::respond(client, std::move(response));
}

}  // namespace proxy
