#include "common/otlp/metric_settings.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "common/crypto/hmac.hpp"
#include "common/otlp/settings_reader.hpp"

namespace common {
namespace {

constexpr std::string_view instance_id = "service.instance.id";

std::optional<OtlpProtocol> pushed_by(MetricsProtocol protocol) {
    if (protocol == MetricsProtocol::grpc) return OtlpProtocol::grpc;
    if (protocol == MetricsProtocol::http_protobuf) return OtlpProtocol::http_protobuf;
    return std::nullopt;
}

bool is_wanted(OtlpSettingsReader& otlp, MetricsProtocol protocol) {
    if (otlp.is_disabled()) return false;
    const std::string_view exporter = otlp.get("OTEL_METRICS_EXPORTER");
    if (exporter == "none") return false;
    if (!exporter.empty() && exporter != "otlp")
        otlp.warn("OTEL_METRICS_EXPORTER",
                  "'" + std::string(exporter) + "' is not otlp or none: it is not looked at");
    if (protocol != MetricsProtocol::unset) return pushed_by(protocol).has_value();
    return exporter == "otlp" || otlp.has_endpoint(false);
}

// The SDK reads these; here each counter goes on for as long as the process.
void read_forms(OtlpSettingsReader& otlp) {
    constexpr std::string_view temporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    const std::string_view wanted = otlp.get(temporality);
    if (!wanted.empty() && wanted != "cumulative")
        otlp.warn(temporality, "'" + std::string(wanted) + "' is not served here: cumulative is");
    constexpr std::string_view aggregation =
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    const std::string_view buckets = otlp.get(aggregation);
    if (!buckets.empty() && buckets != "explicit_bucket_histogram")
        otlp.warn(aggregation, "'" + std::string(buckets) +
                                   "' is not served here: explicit_bucket_histogram is");
}

void name_instance(OtlpAttributes& resource) {
    const auto at = std::find_if(resource.begin(), resource.end(),
                                 [](const auto& entry) { return entry.first == instance_id; });
    if (at != resource.end() && !at->second.empty()) return;
    std::string id = base64url_encode(random_bytes(12));
    if (at != resource.end()) {
        at->second = std::move(id);
    } else {
        resource.emplace_back(instance_id, std::move(id));
    }
}

}  // namespace

MetricChoice read_metric_settings(const Env& env,
                                  const ObservabilityConfig::RequestMetrics& configured,
                                  OtlpAttributes resource) {
    MetricChoice choice;
    MetricSettings& settings = choice.settings;
    OtlpSettingsReader otlp(env, otlp_metrics, choice.warnings);
    if (!is_wanted(otlp, configured.protocol)) return choice;
    const std::optional<OtlpProtocol> protocol = pushed_by(configured.protocol);
    if (protocol && configured.endpoint.empty() && !otlp.has_endpoint(true)) {
        otlp.warn(otlp_metrics.configured, "is needed with " + std::string(to_string(*protocol)) +
                                               ": http(s)://HOST[:PORT][/PATH]");
        return choice;
    }
    std::optional<OtlpCollector> collector = otlp.collector(protocol, configured.endpoint);
    if (!collector) return choice;
    if (collector->protocol == OtlpProtocol::http_json) {
        otlp.warn("OTEL_EXPORTER_OTLP_PROTOCOL",
                  "metrics do not go as http/json: http/protobuf is used");
        collector->protocol = OtlpProtocol::http_protobuf;
    }
    settings.is_on = true;
    settings.collector = std::move(*collector);
    read_forms(otlp);
    constexpr Duration usual = std::chrono::seconds(60);
    const Duration fallback =
        configured.export_interval > Duration::zero() ? configured.export_interval : usual;
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(fallback);
    settings.interval =
        std::chrono::milliseconds(otlp.integer("OTEL_METRIC_EXPORT_INTERVAL", milliseconds.count(),
                                               1, std::numeric_limits<std::int32_t>::max()));
    settings.resource = otlp.resource(std::move(resource));
    name_instance(settings.resource);
    return choice;
}

}  // namespace common
