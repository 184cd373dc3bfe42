// Whether requests are traced, which of them, and where their spans go: OpenTelemetry's variables
// (OTEL_*), and over or under them what Knative configures (contracts queue-proxy.md 1.2, 1.3,
// activator.md 1.2).
//
// On, if Knative's `tracing` names a protocol (http/protobuf, grpc, stdout), or if it says nothing
// and OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set.
#pragma once

#include <string>
#include <vector>

#include "common/config/env.hpp"
#include "common/config/observability_config.hpp"
#include "common/core/span_queue.hpp"
#include "common/core/trace_sampler.hpp"
#include "common/otlp/collector.hpp"

namespace common {

struct TraceSettings {
    enum class To : std::uint8_t { nowhere, collector, standard_output };
    To to = To::nowhere;
    OtlpCollector collector;
    TraceSampler sampler;
    SpanQueueLimits queue;
    OtlpAttributes resource;  // service.name is among them

    bool is_on() const { return to != To::nowhere && !sampler.is_off(); }
};

struct TraceChoice {
    TraceSettings settings;
    std::vector<std::string> warnings;  // "NAME: reason"; no value of a header in them
};

// `tracing`: what Knative said; default-constructed where there is no Knative. `resource`: who we
// are; OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME count more.
TraceChoice read_trace_settings(const Env& env, const ObservabilityConfig::Tracing& tracing,
                                OtlpAttributes resource);

}  // namespace common
