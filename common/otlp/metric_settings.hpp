// Whether metrics are pushed, how often, and where to: what Knative configures (contracts
// queue-proxy.md 1.2, 1.3, activator.md 1.2), under OpenTelemetry's variables.
//
// On, if Knative's metrics protocol is grpc or http/protobuf. Where it says nothing, if
// OTEL_METRICS_EXPORTER is otlp or OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is set: a collector that is
// there for traces alone is not sent metrics.
#pragma once

#include <string>
#include <vector>

#include "common/config/env.hpp"
#include "common/config/observability_config.hpp"
#include "common/otlp/collector.hpp"

namespace common {

struct MetricSettings {
    bool is_on = false;
    OtlpCollector collector;
    Duration interval = std::chrono::seconds(60);
    OtlpAttributes resource;  // service.name and service.instance.id are among them
};

struct MetricChoice {
    MetricSettings settings;
    std::vector<std::string> warnings;  // "NAME: reason"; no value of a header in them
};

// `configured`: what Knative said; default-constructed where there is no Knative. `resource`: who
// we are. Without a service.instance.id in it this process gets one: two that say the same of
// themselves would be taken for one whose counters jump.
MetricChoice read_metric_settings(const Env& env,
                                  const ObservabilityConfig::RequestMetrics& configured,
                                  OtlpAttributes resource);

}  // namespace common
