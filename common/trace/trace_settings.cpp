#include "common/trace/trace_settings.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "common/otlp/settings_reader.hpp"

namespace common {
namespace {

using To = TraceSettings::To;

class Reader {
  public:
    explicit Reader(const Env& env) : otlp_(env, otlp_traces, choice_.warnings) {}

    TraceChoice read(const ObservabilityConfig::Tracing& tracing, OtlpAttributes resource);

  private:
    bool is_switched_off();
    void choose_exporter(const ObservabilityConfig::Tracing& tracing);
    void read_sampler(const ObservabilityConfig::Tracing& tracing);
    void read_queue();

    TraceChoice choice_;
    OtlpSettingsReader otlp_;
};

bool Reader::is_switched_off() {
    if (otlp_.is_disabled()) return true;
    const std::string_view wanted = otlp_.get("OTEL_TRACES_EXPORTER");
    if (wanted == "none") return true;
    if (!wanted.empty() && wanted != "otlp" && wanted != "console")
        otlp_.warn("OTEL_TRACES_EXPORTER",
                   "'" + std::string(wanted) + "' is not otlp, console or none: otlp is used");
    return false;
}

void Reader::choose_exporter(const ObservabilityConfig::Tracing& tracing) {
    To& to = choice_.settings.to;
    std::optional<OtlpProtocol> protocol;
    switch (tracing.protocol) {
        case TracingProtocol::none:
            return;
        case TracingProtocol::standard_output:
            to = To::standard_output;
            return;
        case TracingProtocol::grpc:
            protocol = OtlpProtocol::grpc;
            break;
        case TracingProtocol::http_protobuf:
            protocol = OtlpProtocol::http_protobuf;
            break;
        case TracingProtocol::unset:
            break;
    }
    if (protocol || otlp_.has_endpoint(true)) to = To::collector;
    const std::string_view wanted = otlp_.get("OTEL_TRACES_EXPORTER");
    if (wanted == "console") to = To::standard_output;
    if (wanted == "otlp") to = To::collector;
    if (to != To::collector) return;
    std::optional<OtlpCollector> collector = otlp_.collector(protocol, tracing.endpoint);
    if (!collector) to = To::nowhere;
    if (collector) choice_.settings.collector = std::move(*collector);
}

void Reader::read_sampler(const ObservabilityConfig::Tracing& tracing) {
    TraceSampler& sampler = choice_.settings.sampler;
    if (tracing.protocol == TracingProtocol::standard_output) {
        sampler = {1, false};
    } else if (tracing.protocol != TracingProtocol::unset) {
        const double rate = tracing.sampling_rate;  // contract queue-proxy.md 8.2
        sampler = {rate, rate > 0 && rate < 1};
    }
    const std::string_view name = otlp_.get("OTEL_TRACES_SAMPLER");
    if (name.empty()) return;
    std::string_view root = name;
    const bool parent_based = root.starts_with("parentbased_");
    if (parent_based) root.remove_prefix(root.find('_') + 1);
    if (root == "always_on" || root == "always_off") {
        sampler = {root == "always_on" ? 1.0 : 0.0, parent_based};
    } else if (root == "traceidratio") {
        const std::string_view text = otlp_.get("OTEL_TRACES_SAMPLER_ARG");
        const std::optional<double> ratio = text.empty() ? 1.0 : parse_number(text);
        if (!ratio || *ratio < 0 || *ratio > 1)
            otlp_.warn("OTEL_TRACES_SAMPLER_ARG",
                       "'" + std::string(text) + "' is not a number from 0 to 1: 1 is used");
        sampler = {ratio && *ratio >= 0 && *ratio <= 1 ? *ratio : 1.0, parent_based};
    } else {
        otlp_.warn(
            "OTEL_TRACES_SAMPLER",
            "'" + std::string(name) +
                "' is not always_on, always_off, traceidratio or parentbased_ with one of these");
    }
}

void Reader::read_queue() {
    SpanQueueLimits& limits = choice_.settings.queue;
    const auto size = [](std::int64_t value) { return static_cast<std::size_t>(value); };
    limits.spans_max = size(otlp_.integer("OTEL_BSP_MAX_QUEUE_SIZE", 2048, 1, 65'536));
    limits.batch_max = size(otlp_.integer("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1, 8192));
    limits.batch_max = std::min(limits.batch_max, limits.spans_max);
    limits.delay =
        std::chrono::milliseconds(otlp_.integer("OTEL_BSP_SCHEDULE_DELAY", 5000, 0, 600'000));
}

TraceChoice Reader::read(const ObservabilityConfig::Tracing& tracing, OtlpAttributes resource) {
    TraceSettings& settings = choice_.settings;
    if (is_switched_off()) return choice_;
    choose_exporter(tracing);
    if (settings.to == To::nowhere) return choice_;
    read_sampler(tracing);
    read_queue();
    settings.resource = otlp_.resource(std::move(resource));
    return choice_;
}

}  // namespace

TraceChoice read_trace_settings(const Env& env, const ObservabilityConfig::Tracing& tracing,
                                OtlpAttributes resource) {
    return Reader(env).read(tracing, std::move(resource));
}

}  // namespace common
