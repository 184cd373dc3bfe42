#include "activator/kubernetes/metrics.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "activator/status.hpp"
#include "common/core/path_pattern.hpp"
#include "common/http/simple_response.hpp"

namespace activator::kubernetes {
namespace {

using common::MetricFamilyText;
using common::MetricSample;
using common::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

// Stock's buckets end at 10 s; a GPU's answers do not.
constexpr std::array<double, 20> duration_bounds = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                    0.5,   0.75, 1,     2.5,  5,     7.5, 10,
                                                    20,    30,   60,    120,  300,   600};
// OpenTelemetry's default bounds.
constexpr std::array<double, 15> size_bounds = {0,   5,   10,   25,   50,   75,   100,  250,
                                                500, 750, 1000, 2500, 5000, 7500, 10000};
// Whatever methods clients make up.
constexpr std::array<std::string_view, 9> known_methods = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

// Stock's package that measures each.
constexpr std::string_view activator_scope = "knative.dev/serving/pkg/activator";
constexpr std::string_view http_scope =
    "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp";

std::string method_label(const std::string& method) {
    const bool known =
        std::find(known_methods.begin(), known_methods.end(), method) != known_methods.end();
    return known ? method : "_OTHER";
}

Labels revision_labels(const Revision& revision) {
    return {{"k8s.namespace.name", revision.name_space},
            {"kn.service.name", revision.service},
            {"kn.configuration.name", revision.configuration},
            {"kn.revision.name", revision.name}};
}

MetricFamilyText requests_now(const char* name, const char* help) {
    return common::otel_family({name, "{request}", activator_scope, false}, MetricType::up_down,
                               help);
}

MetricFamilyText http_histograms(const char* name, std::string_view unit, const char* help) {
    return common::otel_family({name, unit, http_scope}, MetricType::histogram, help);
}

MetricSample sample(Labels labels, double value) {
    return {std::move(labels), value, nullptr};
}

}  // namespace

Metrics::Series::Series()
    : duration(duration_bounds), request_size(size_bounds), response_size(size_bounds) {}

Metrics::ClientSeries::ClientSeries() : duration(duration_bounds), request_size(size_bounds) {}

Metrics::Metrics(Gateway& gateway, const StatReporter& reporter, const AutoscalerLink& link,
                 std::string pod_name, std::string name_space)
    : gateway_(gateway),
      reporter_(reporter),
      link_(link),
      pod_name_(std::move(pod_name)),
      name_space_(std::move(name_space)) {}

void Metrics::add(const common::Exchange& client, const RequestRecord& record) {
    // What was answered at the door, and 404, belongs to no revision.
    if (!gateway_.router().revision(record.revision)) return;
    const common::RequestHead& head = client.request();
    const Key key{record.revision, method_label(head.method), record.status, head.version};
    if (gateway_.router().pod(record.pod_id) != nullptr) {
        if (client_series_.size() >= 2 * client_series_kept_) forget_gone();
        ClientSeries& at_pod = client_series_[{key, record.pod_id}];
        at_pod.duration.observe(common::to_seconds(record.run));
        if (head.body.kind == common::BodyKind::length)
            at_pod.request_size.observe(static_cast<double>(head.body.length));
    }
    Series& series = series_[key];
    series.duration.observe(common::to_seconds(record.wait + record.run));
    if (head.body.kind == common::BodyKind::length)
        series.request_size.observe(static_cast<double>(head.body.length));
    series.response_size.observe(static_cast<double>(record.response_bytes));
}

void Metrics::add_revisions(std::vector<MetricFamilyText>& families) const {
    const Router& router = gateway_.router();
    MetricFamilyText concurrency = common::otel_family(
        {"kn.revision.request.concurrency", "{request}", activator_scope}, MetricType::gauge,
        "Average concurrency in the last report to the autoscaler");
    MetricFamilyText queued =
        requests_now("kn.revision.request.queued", "Requests that wait for a pod");
    MetricFamilyText active =
        requests_now("kn.revision.request.active", "Requests that are with a pod");
    for (const RevisionId id : router.revisions()) {
        const Revision& revision = *router.revision(id);
        const RevisionView view = router.view(id);
        const Labels pair = {{"k8s.namespace.name", revision.name_space},
                             {"kn.revision.name", revision.name}};
        concurrency.samples.push_back(sample(revision_labels(revision), reporter_.reported(id)));
        queued.samples.push_back(sample(pair, static_cast<double>(view.waiting)));
        active.samples.push_back(sample(pair, static_cast<double>(view.running)));
    }
    families.insert(families.end(), {std::move(concurrency), std::move(queued), std::move(active)});
}

void Metrics::add_requests(std::vector<MetricFamilyText>& families) const {
    const Router& router = gateway_.router();
    MetricFamilyText durations =
        http_histograms("http.server.request.duration", "s",
                        "Time from a request's arrival to the end of its answer");
    MetricFamilyText request_sizes = http_histograms("http.server.request.body.size", "By",
                                                     "Bodies of requests that told their length");
    MetricFamilyText response_sizes =
        http_histograms("http.server.response.body.size", "By", "Bodies of answers");
    for (const auto& [key, series] : series_) {
        const Labels labels = request_labels(*router.revision(key.revision), key);
        durations.samples.push_back({labels, 0, &series.duration});
        request_sizes.samples.push_back({labels, 0, &series.request_size});
        response_sizes.samples.push_back({labels, 0, &series.response_size});
    }
    families.insert(families.end(),
                    {std::move(durations), std::move(request_sizes), std::move(response_sizes)});
}

void Metrics::add_client_requests(std::vector<MetricFamilyText>& families) const {
    const Router& router = gateway_.router();
    MetricFamilyText durations = http_histograms("http.client.request.duration", "s",
                                                 "Time that the pod took for a request");
    MetricFamilyText sizes = http_histograms("http.client.request.body.size", "By",
                                             "Bodies of requests to pods that told their length");
    for (const auto& [key, series] : client_series_) {
        Labels labels = request_labels(*router.revision(key.request.revision), key.request);
        const common::Address& address = router.pod(key.pod)->address;
        labels.emplace_back("server.address", address.host);
        labels.emplace_back("server.port", std::to_string(address.port));
        durations.samples.push_back({labels, 0, &series.duration});
        sizes.samples.push_back({std::move(labels), 0, &series.request_size});
    }
    families.insert(families.end(), {std::move(durations), std::move(sizes)});
}

Labels Metrics::request_labels(const Revision& revision, const Key& key) {
    Labels labels = revision_labels(revision);
    labels.emplace_back("http.request.method", key.method);
    labels.emplace_back("http.response.status_code", std::to_string(key.status));
    labels.emplace_back("network.protocol.name", "http");
    labels.emplace_back("network.protocol.version", key.version == 10 ? "1.0" : "1.1");
    labels.emplace_back("url.scheme", "http");
    return labels;
}

void Metrics::add_process(std::vector<MetricFamilyText>& families) const {
    const Labels peer = {{"peer", "autoscaler"}};
    MetricFamilyText reachable = common::otel_family(
        {"kn.activator.stats.conn.reachable", "{reachable}", activator_scope, false},
        MetricType::gauge, "1 while connected to the autoscaler");
    reachable.samples.push_back(sample(peer, link_.connected() ? 1 : 0));
    MetricFamilyText errors = common::otel_family(
        {"kn.activator.stats.conn.errors", "{error}", activator_scope, false}, MetricType::counter,
        "Established connections to the autoscaler that were lost");
    errors.samples.push_back(sample(peer, static_cast<double>(link_.losses())));
    families.insert(families.end(), {std::move(reachable), std::move(errors)});
    families.push_back({"target_info",
                        "Target metadata",
                        MetricType::gauge,
                        {sample({{"service_name", "activator"},
                                 {"k8s.namespace.name", name_space_},
                                 {"k8s_pod_name", pod_name_},
                                 {"service_version", SLUICE_VERSION}},
                                1)}});
}

// Also where nobody ever scrapes, what is gone must not pile up.
void Metrics::forget_gone() {
    const Router& router = gateway_.router();
    std::erase_if(series_,
                  [&](const auto& one) { return router.revision(one.first.revision) == nullptr; });
    std::erase_if(client_series_, [&](const auto& one) {
        return router.revision(one.first.request.revision) == nullptr ||
               router.pod(one.first.pod) == nullptr;
    });
    client_series_kept_ = std::max(client_series_.size(), client_series_kept_min);
}

std::vector<MetricFamilyText> Metrics::families() {
    forget_gone();
    std::vector<MetricFamilyText> families;
    add_process(families);
    add_revisions(families);
    add_requests(families);
    add_client_requests(families);
    for (MetricFamilyText& family : metric_families(gateway_))
        families.push_back(std::move(family));
    return families;
}

common::awaitable<void> Metrics::serve(common::Exchange& client) {
    common::SimpleResponse response;
    if (common::path_of_target(client.request().target) == "/metrics") {
        response.content_type = common::exposition_content_type;
        response.body = text();
    } else {
        response = plain_error(404, "404 page not found");
    }
    co_await common::respond(client, std::move(response));
}

}  // namespace activator::kubernetes
