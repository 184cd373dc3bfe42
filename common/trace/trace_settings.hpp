// Whether requests are traced, which of them, and where their spans go: OpenTelemetry's variables
// (OTEL_*, as its specification says: a wrong value is warned of and its default counts), and over
// or under them what Knative configures (contracts queue-proxy.md 1.2, 1.3, activator.md 1.2).
//
// On, if Knative's `tracing` names a protocol that is served here (http/protobuf, stdout), or if it
// says nothing and OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set. Spans
// are sent in OTLP's JSON encoding, which every collector's HTTP port takes beside protobuf.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/config/env.hpp"
#include "common/config/observability_config.hpp"
#include "common/core/parse.hpp"
#include "common/core/span_queue.hpp"
#include "common/core/trace_sampler.hpp"

namespace common {

using TraceAttributes = std::vector<std::pair<std::string, std::string>>;

struct TraceSettings {
    enum class To : std::uint8_t { nowhere, collector, standard_output };
    To to = To::nowhere;
    HttpUrl collector;        // with the whole path
    TraceAttributes headers;  // may be secrets: never shown
    std::string ca_file;      // empty: the system's
    std::string certificate_file;
    std::string key_file;
    Duration timeout = std::chrono::seconds(10);
    TraceSampler sampler;
    SpanQueueLimits queue;
    TraceAttributes resource;  // service.name is among them

    bool is_on() const { return to != To::nowhere && !sampler.is_off(); }
};

struct TraceChoice {
    TraceSettings settings;
    std::vector<std::string> warnings;  // "NAME: reason"; no value of a header in them
};

// `tracing`: what Knative said; default-constructed where there is no Knative. `resource`: who we
// are; OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME count more.
TraceChoice read_trace_settings(const Env& env, const ObservabilityConfig::Tracing& tracing,
                                TraceAttributes resource);

}  // namespace common
