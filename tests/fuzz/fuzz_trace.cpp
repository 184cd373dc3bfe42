// traceparent, and OpenTelemetry's variables. First line: a sampler; second: its argument; third: a
// list of names and values; fourth: an endpoint; the rest: a traceparent.
#include <string>

#include "common/core/trace_context.hpp"
#include "common/trace/trace_settings.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

void require_context(std::string_view text) {
    const auto context = common::parse_traceparent(text);
    if (!context) return;
    HOLDS(context->trace.high != 0 || context->trace.low != 0);
    HOLDS(context->span != 0);
    const std::string written = common::format_traceparent(*context);
    HOLDS(written.size() == 55);
    // What was read stands there, but for the version and flags that nobody knows.
    HOLDS(written.substr(2, 51) == text.substr(2, 51));
    const auto again = common::parse_traceparent(written);
    HOLDS(again && again->trace == context->trace && again->span == context->span);
    HOLDS(again->sampled == context->sampled && again->random == context->random);
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    common::MapEnv::Map variables;
    variables["OTEL_TRACES_SAMPLER"] = input.line();
    variables["OTEL_TRACES_SAMPLER_ARG"] = input.line();
    const std::string list(input.line());
    variables["OTEL_EXPORTER_OTLP_HEADERS"] = list;
    variables["OTEL_RESOURCE_ATTRIBUTES"] = list;
    const std::string endpoint(input.line());
    variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
    require_context(input.rest());
    const common::TraceSettings settings =
        common::read_trace_settings(common::MapEnv(variables), {}, {}).settings;
    HOLDS(settings.sampler.ratio >= 0 && settings.sampler.ratio <= 1);
    if (settings.to == common::TraceSettings::To::collector) {
        HOLDS(!settings.collector.url.host.host.empty() && settings.collector.url.host.port != 0);
        HOLDS(settings.collector.url.path.starts_with('/') ||
              settings.collector.url.path.starts_with('?'));
        HOLDS(settings.collector.url.path.find_first_of(" \r\n") == std::string::npos);
    }
    for (const auto& [name, value] : settings.collector.headers) {
        HOLDS(!name.empty() && name.find_first_of(" :\r\n") == std::string::npos);
        HOLDS(value.find_first_of("\r\n") == std::string::npos);
    }
    return 0;
}
