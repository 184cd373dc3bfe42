#include "common/otlp/settings_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/core/token.hpp"
#include "common/http/fields.hpp"

namespace common {
namespace {

constexpr std::string_view all_signals = "OTEL_EXPORTER_OTLP_";
// What an end may take longer for a message that is under way (contract queue-proxy.md 5.1: 10 s).
constexpr std::int64_t timeout_max = 10'000;

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto digits = text.substr(i + 1, 2);
        const auto byte = digits.size() == 2 ? parse_go_int("0x" + std::string(digits))
                                             : std::optional<std::int64_t>();
        if (!byte || digits.find('_') != std::string_view::npos) return std::nullopt;
        out += static_cast<char>(*byte);
        i += 2;
    }
    return out;
}

void set(OtlpAttributes& attributes, std::string_view name, std::string value) {
    const auto at = std::find_if(attributes.begin(), attributes.end(),
                                 [name](const auto& entry) { return entry.first == name; });
    if (at == attributes.end()) {
        attributes.emplace_back(name, std::move(value));
    } else {
        at->second = std::move(value);
    }
}

std::string_view default_endpoint(OtlpProtocol protocol) {
    return protocol == OtlpProtocol::grpc ? "http://localhost:4317" : "http://localhost:4318";
}

}  // namespace

const OtlpSignal otlp_traces = {"OTEL_EXPORTER_OTLP_TRACES_", "/v1/traces",
                                "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                                "tracing endpoint"};
const OtlpSignal otlp_metrics = {"OTEL_EXPORTER_OTLP_METRICS_", "/v1/metrics",
                                 "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
                                 "metrics endpoint"};

void OtlpSettingsReader::warn(std::string_view name, const std::string& reason) {
    warnings_.push_back(std::string(name) + ": " + reason);
}

std::int64_t OtlpSettingsReader::integer(std::string_view name, std::int64_t fallback,
                                         std::int64_t min, std::int64_t max) {
    const std::string_view text = get(name);
    if (text.empty()) return fallback;
    const std::optional<std::int64_t> value = parse_int(text);
    if (value && *value >= min && *value <= max) return *value;
    warn(name, "'" + std::string(text) + "' is not an integer from " + std::to_string(min) +
                   " to " + std::to_string(max) + ": " + std::to_string(fallback) + " is used");
    return fallback;
}

bool OtlpSettingsReader::is_disabled() const {
    return equal_ignoring_case(get("OTEL_SDK_DISABLED"), "true");
}

bool OtlpSettingsReader::has_endpoint(bool or_common) const {
    if (!get(std::string(signal_.variables) + "ENDPOINT").empty()) return true;
    return or_common && !get(std::string(all_signals) + "ENDPOINT").empty();
}

std::string_view OtlpSettingsReader::exporter(std::string_view what) {
    exporter_name_ = std::string(signal_.variables) + std::string(what);
    if (get(exporter_name_).empty()) exporter_name_ = std::string(all_signals) + std::string(what);
    return get(exporter_name_);
}

OtlpProtocol OtlpSettingsReader::protocol() {
    static constexpr std::array<OtlpProtocol, 3> protocols = {
        OtlpProtocol::grpc, OtlpProtocol::http_protobuf, OtlpProtocol::http_json};
    const std::string_view text = exporter("PROTOCOL");
    for (const OtlpProtocol one : protocols) {
        if (text == to_string(one)) return one;
    }
    if (!text.empty())
        warn(exporter_name_, "'" + std::string(text) +
                                 "' is not grpc, http/protobuf or http/json: http/protobuf is "
                                 "used");
    return OtlpProtocol::http_protobuf;
}

// The environment counts more than Knative's configuration, as in stock.
std::optional<HttpUrl> OtlpSettingsReader::url(OtlpProtocol protocol,
                                               std::string_view configured_endpoint) {
    std::string text(exporter("ENDPOINT"));
    std::string name = exporter_name_;
    const bool configured = text.empty();
    const bool add_path = !configured && !name.starts_with(signal_.variables);
    if (configured) {
        name = signal_.configured;
        text = configured_endpoint.empty() ? default_endpoint(protocol) : configured_endpoint;
        // As stock: HOST:PORT alone means TLS.
        if (text.find("://") == std::string::npos) text = "https://" + text;
    }
    std::optional<HttpUrl> url = parse_http_url(text);
    if (!url) {
        warn(name, "'" + text + "' is not http(s)://HOST[:PORT][/PATH], so nothing is exported");
        return url;
    }
    if (protocol == OtlpProtocol::grpc) {
        url->path = signal_.grpc_path;
    } else if (add_path) {
        if (url->path.ends_with('/')) url->path.pop_back();
        url->path += signal_.http_path;
    } else if (url->path.empty()) {
        // The specification's "/" for the variable; the Go exporter's default for the ConfigMap.
        url->path = configured ? signal_.http_path : "/";
    }
    return url;
}

void OtlpSettingsReader::read_certificates(OtlpCollector& collector) {
    collector.ca_file = exporter("CERTIFICATE");
    collector.certificate_file = exporter("CLIENT_CERTIFICATE");
    collector.key_file = exporter("CLIENT_KEY");
    if (collector.certificate_file.empty() == collector.key_file.empty()) return;
    warn(exporter_name_, "and the CLIENT_CERTIFICATE variable must come together");
    collector.certificate_file.clear();
    collector.key_file.clear();
}

std::optional<OtlpCollector> OtlpSettingsReader::collector(std::optional<OtlpProtocol> chosen,
                                                           std::string_view configured_endpoint) {
    OtlpCollector collector;
    collector.protocol = chosen ? *chosen : protocol();
    std::optional<HttpUrl> where = url(collector.protocol, configured_endpoint);
    if (!where) return std::nullopt;
    collector.url = std::move(*where);
    const std::string_view headers = exporter("HEADERS");
    collector.headers = list(exporter_name_, headers);
    read_certificates(collector);
    exporter("TIMEOUT");
    const std::string timeout = exporter_name_;
    collector.timeout = std::chrono::milliseconds(integer(timeout, 10'000, 1, timeout_max));
    const std::string_view compression = exporter("COMPRESSION");
    if (!compression.empty() && compression != "none")
        warn(exporter_name_, "'" + std::string(compression) + "' is not served here: none is");
    return collector;
}

// "a=1,b=2%20": W3C Baggage without properties. Its values are never told: they may be secrets.
OtlpAttributes OtlpSettingsReader::list(std::string_view name, std::string_view text) {
    OtlpAttributes entries;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view entry = trim_blanks(text.substr(0, comma));
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
        if (entry.empty()) continue;
        const std::size_t equals = entry.find('=');
        const std::string_view key = trim_blanks(entry.substr(0, equals));
        const auto value = equals == std::string_view::npos
                               ? std::optional<std::string>()
                               : percent_decoded(trim_blanks(entry.substr(equals + 1)));
        const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; };
        const bool plain = value && std::none_of(value->begin(), value->end(), control);
        if (!is_token(key) || !plain) {
            warn(name,
                 "is not NAME=VALUE,NAME=VALUE with percent-encoded values; one entry is "
                 "left out");
            continue;
        }
        set(entries, key, *value);
    }
    return entries;
}

OtlpAttributes OtlpSettingsReader::resource(OtlpAttributes base) {
    constexpr std::string_view attributes = "OTEL_RESOURCE_ATTRIBUTES";
    for (auto& [name, value] : list(attributes, get(attributes)))
        set(base, name, std::move(value));
    const std::string_view service = get("OTEL_SERVICE_NAME");
    if (!service.empty()) set(base, "service.name", std::string(service));
    return base;
}

}  // namespace common
