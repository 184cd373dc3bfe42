// OBSERVABILITY_CONFIG: which metrics, traces and request logs a program of Knative's data plane
// writes (contract queue-proxy.md 1.3). JSON decoded onto defaults: an absent key or null keeps the
// default, an empty string does not. Keys match in any case, unknown keys are ignored. Durations
// are integer nanoseconds. `metrics` concerns control-plane programs and is not read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/time.hpp"

namespace common {

// `unset`: nobody said anything. Stock's default is none; here OpenTelemetry's own variables may
// then switch tracing, or the push of metrics, on.
enum class TracingProtocol : std::uint8_t { unset, none, grpc, http_protobuf, standard_output };
enum class MetricsProtocol : std::uint8_t { unset, none, prometheus, grpc, http_protobuf };

// The request log of a revision that chose no template (contract 8.1), byte for byte.
extern const std::string_view default_request_log_template;

struct ObservabilityConfig {
    struct Tracing {
        TracingProtocol protocol = TracingProtocol::unset;
        std::string endpoint;
        double sampling_rate = 0;  // >= 1 always, <= 0 never
    } tracing;
    struct RequestMetrics {
        MetricsProtocol protocol = MetricsProtocol::unset;
        // prometheus: "host:port" to listen on, empty = ":9091"; grpc and http/protobuf: a URL
        std::string endpoint;
        Duration export_interval{};  // 0 = 60 s
    } request_metrics;
    bool profiling = false;  // runtime.profiling
    bool request_log = false;
    std::string request_log_template{default_request_log_template};
    bool probe_request_log = false;
};

struct ParsedObservabilityConfig {
    ObservabilityConfig config;         // meaningless if there are problems
    std::vector<std::string> problems;  // "requestMetrics.protocol: 'x' is not one of ..."
};

// An empty text is the default configuration.
ParsedObservabilityConfig parse_observability_config(std::string_view json);

}  // namespace common
