#include "common/trace/trace_settings.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "common/http/fields.hpp"

namespace common {
namespace {

using To = TraceSettings::To;

constexpr std::string_view endpoint_name = "OTEL_EXPORTER_OTLP_ENDPOINT";
constexpr std::string_view traces_endpoint_name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
constexpr std::string_view traces_path = "/v1/traces";
// What an end may take longer for a batch that is under way (contract queue-proxy.md 5.1: 10 s).
constexpr std::int64_t timeout_max = 10'000;
constexpr std::string_view default_endpoint = "http://localhost:4318";

// RFC 9110 5.6.2: what the name of a header field, and of an entry of Baggage, is made of.
bool is_token(std::string_view text) {
    static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return letter || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
    });
}

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

void set(TraceAttributes& attributes, std::string_view name, std::string value) {
    const auto at = std::find_if(attributes.begin(), attributes.end(),
                                 [name](const auto& entry) { return entry.first == name; });
    if (at == attributes.end()) {
        attributes.emplace_back(name, std::move(value));
    } else {
        at->second = std::move(value);
    }
}

class Reader {
  public:
    explicit Reader(const Env& env) : env_(env) {}

    TraceChoice read(const ObservabilityConfig::Tracing& tracing, TraceAttributes resource);

  private:
    // Set and not empty: OpenTelemetry takes an empty variable for an unset one.
    std::string_view get(std::string_view name) const { return env_.get(name).value_or(""); }
    // The value of OTEL_EXPORTER_OTLP_TRACES_`what`, else of OTEL_EXPORTER_OTLP_`what`.
    std::string_view exporter(std::string_view what);
    void warn(std::string_view name, const std::string& reason) {
        choice_.warnings.push_back(std::string(name) + ": " + reason);
    }
    bool is_switched_off();
    void choose_exporter(const ObservabilityConfig::Tracing& tracing);
    void read_endpoint(const ObservabilityConfig::Tracing& tracing);
    void read_exporter();
    void read_sampler(const ObservabilityConfig::Tracing& tracing);
    void read_queue();
    std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t min,
                         std::int64_t max);
    TraceAttributes list(std::string_view name, std::string_view text);

    const Env& env_;
    TraceChoice choice_;
    std::string exporter_name_;  // of the last exporter()
};

std::string_view Reader::exporter(std::string_view what) {
    exporter_name_ = "OTEL_EXPORTER_OTLP_TRACES_" + std::string(what);
    if (get(exporter_name_).empty()) exporter_name_ = "OTEL_EXPORTER_OTLP_" + std::string(what);
    return get(exporter_name_);
}

bool Reader::is_switched_off() {
    if (equal_ignoring_case(get("OTEL_SDK_DISABLED"), "true")) return true;
    const std::string_view wanted = get("OTEL_TRACES_EXPORTER");
    if (wanted == "none") return true;
    if (!wanted.empty() && wanted != "otlp" && wanted != "console")
        warn("OTEL_TRACES_EXPORTER",
             "'" + std::string(wanted) + "' is not otlp, console or none: otlp is used");
    return false;
}

void Reader::choose_exporter(const ObservabilityConfig::Tracing& tracing) {
    To& to = choice_.settings.to;
    switch (tracing.protocol) {
        case TracingProtocol::none:
            return;
        case TracingProtocol::grpc:
            warn("tracing protocol",
                 "grpc is not served here, so there are no spans of ours: http/protobuf is");
            return;
        case TracingProtocol::standard_output:
            to = To::standard_output;
            return;
        case TracingProtocol::http_protobuf:
            to = To::collector;
            break;
        case TracingProtocol::unset:
            if (!get(endpoint_name).empty() || !get(traces_endpoint_name).empty())
                to = To::collector;
            break;
    }
    const std::string_view wanted = get("OTEL_TRACES_EXPORTER");
    if (wanted == "console") to = To::standard_output;
    if (wanted == "otlp") to = To::collector;
    const std::string_view protocol = exporter("PROTOCOL");
    if (to == To::collector && !protocol.empty() && !protocol.starts_with("http/"))
        warn(exporter_name_, "'" + std::string(protocol) + "' is not served here: http/json is");
}

// The environment counts more than Knative's configuration, as in stock.
void Reader::read_endpoint(const ObservabilityConfig::Tracing& tracing) {
    std::string name(traces_endpoint_name);
    std::string text(get(name));
    bool add_path = false;
    if (text.empty()) {
        name = endpoint_name;
        text = get(name);
        add_path = true;
    }
    if (text.empty() && !tracing.endpoint.empty()) {
        name = "tracing endpoint";
        text = tracing.endpoint;
        add_path = false;
    }
    const bool configured = name == "tracing endpoint";
    if (text.empty()) text = default_endpoint;
    std::optional<HttpUrl> url = parse_http_url(text);
    if (!url) {
        warn(name, "'" + text + "' is not http(s)://HOST[:PORT][/PATH], so there are no spans");
        choice_.settings.to = To::nowhere;
        return;
    }
    if (add_path) {
        if (url->path.ends_with('/')) url->path.pop_back();
        url->path += traces_path;
    } else if (url->path.empty()) {
        // The specification's "/" for the variable; the Go exporter's default for the ConfigMap.
        url->path = configured ? traces_path : "/";
    }
    choice_.settings.collector = std::move(*url);
}

void Reader::read_exporter() {
    TraceSettings& settings = choice_.settings;
    const std::string_view headers = exporter("HEADERS");
    settings.headers = list(exporter_name_, headers);
    settings.ca_file = exporter("CERTIFICATE");
    settings.certificate_file = exporter("CLIENT_CERTIFICATE");
    settings.key_file = exporter("CLIENT_KEY");
    if (settings.certificate_file.empty() != settings.key_file.empty()) {
        warn(exporter_name_, "and the CLIENT_CERTIFICATE variable must come together");
        settings.certificate_file.clear();
        settings.key_file.clear();
    }
    exporter("TIMEOUT");
    const std::string timeout = exporter_name_;
    settings.timeout = std::chrono::milliseconds(integer(timeout, 10'000, 1, timeout_max));
    const std::string_view compression = exporter("COMPRESSION");
    if (!compression.empty() && compression != "none")
        warn(exporter_name_, "'" + std::string(compression) + "' is not served here: none is");
}

void Reader::read_sampler(const ObservabilityConfig::Tracing& tracing) {
    TraceSampler& sampler = choice_.settings.sampler;
    if (tracing.protocol == TracingProtocol::standard_output) {
        sampler = {1, false};
    } else if (tracing.protocol != TracingProtocol::unset) {
        const double rate = tracing.sampling_rate;  // contract queue-proxy.md 8.2
        sampler = {rate, rate > 0 && rate < 1};
    }
    const std::string_view name = get("OTEL_TRACES_SAMPLER");
    if (name.empty()) return;
    std::string_view root = name;
    const bool parent_based = root.starts_with("parentbased_");
    if (parent_based) root.remove_prefix(root.find('_') + 1);
    if (root == "always_on" || root == "always_off") {
        sampler = {root == "always_on" ? 1.0 : 0.0, parent_based};
    } else if (root == "traceidratio") {
        const std::string_view text = get("OTEL_TRACES_SAMPLER_ARG");
        const std::optional<double> ratio = text.empty() ? 1.0 : parse_number(text);
        if (!ratio || *ratio < 0 || *ratio > 1)
            warn("OTEL_TRACES_SAMPLER_ARG",
                 "'" + std::string(text) + "' is not a number from 0 to 1: 1 is used");
        sampler = {ratio && *ratio >= 0 && *ratio <= 1 ? *ratio : 1.0, parent_based};
    } else {
        warn("OTEL_TRACES_SAMPLER",
             "'" + std::string(name) +
                 "' is not always_on, always_off, traceidratio or parentbased_ with one of these");
    }
}

void Reader::read_queue() {
    SpanQueueLimits& limits = choice_.settings.queue;
    const auto size = [](std::int64_t value) { return static_cast<std::size_t>(value); };
    limits.spans_max = size(integer("OTEL_BSP_MAX_QUEUE_SIZE", 2048, 1, 65'536));
    limits.batch_max = size(integer("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1, 8192));
    limits.batch_max = std::min(limits.batch_max, limits.spans_max);
    limits.delay = std::chrono::milliseconds(integer("OTEL_BSP_SCHEDULE_DELAY", 5000, 0, 600'000));
}

std::int64_t Reader::integer(std::string_view name, std::int64_t fallback, std::int64_t min,
                             std::int64_t max) {
    const std::string_view text = get(name);
    if (text.empty()) return fallback;
    const std::optional<std::int64_t> value = parse_int(text);
    if (value && *value >= min && *value <= max) return *value;
    warn(name, "'" + std::string(text) + "' is not an integer from " + std::to_string(min) +
                   " to " + std::to_string(max) + ": " + std::to_string(fallback) + " is used");
    return fallback;
}

// "a=1,b=2%20": W3C Baggage without properties. Its values are never told: they may be secrets.
TraceAttributes Reader::list(std::string_view name, std::string_view text) {
    TraceAttributes entries;
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

TraceChoice Reader::read(const ObservabilityConfig::Tracing& tracing, TraceAttributes resource) {
    TraceSettings& settings = choice_.settings;
    if (is_switched_off()) return choice_;
    choose_exporter(tracing);
    if (settings.to == To::nowhere) return choice_;
    if (settings.to == To::collector) {
        read_endpoint(tracing);
        read_exporter();
    }
    read_sampler(tracing);
    read_queue();
    settings.resource = std::move(resource);
    constexpr std::string_view attributes = "OTEL_RESOURCE_ATTRIBUTES";
    for (auto& [name, value] : list(attributes, get(attributes)))
        set(settings.resource, name, std::move(value));
    const std::string_view service = get("OTEL_SERVICE_NAME");
    if (!service.empty()) set(settings.resource, "service.name", std::string(service));
    return choice_;
}

}  // namespace

TraceChoice read_trace_settings(const Env& env, const ObservabilityConfig::Tracing& tracing,
                                TraceAttributes resource) {
    return Reader(env).read(tracing, std::move(resource));
}

}  // namespace common
