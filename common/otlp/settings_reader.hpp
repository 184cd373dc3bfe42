// OpenTelemetry's variables (OTEL_*, as its specification says: a wrong value is warned of and its
// default counts) over what Knative configures: what traces and metrics read alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/env.hpp"
#include "common/otlp/collector.hpp"

namespace common {

// Names of what belongs to one signal.
struct OtlpSignal {
    std::string_view variables;   // "OTEL_EXPORTER_OTLP_TRACES_"
    std::string_view http_path;   // appended to an endpoint that is for all signals
    std::string_view grpc_path;   // the method
    std::string_view configured;  // what Knative's endpoint is called in a warning
};
extern const OtlpSignal otlp_traces;
extern const OtlpSignal otlp_metrics;

class OtlpSettingsReader {
  public:
    // All outlive it. To `warnings` go "NAME: reason"; no value of a header is in them.
    OtlpSettingsReader(const Env& env, const OtlpSignal& signal, std::vector<std::string>& warnings)
        : env_(env), signal_(signal), warnings_(warnings) {}

    // Set and not empty: OpenTelemetry takes an empty variable for an unset one.
    std::string_view get(std::string_view name) const { return env_.get(name).value_or(""); }
    void warn(std::string_view name, const std::string& reason);
    std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t min,
                         std::int64_t max);
    // OTEL_SDK_DISABLED.
    bool is_disabled() const;
    // An endpoint of this signal's own, or (`or_common`) of all, is in the environment.
    bool has_endpoint(bool or_common) const;

    // `chosen`: by Knative; else the environment chooses, or http/protobuf it is. Empty, with a
    // warning: there is no endpoint that can be used.
    std::optional<OtlpCollector> collector(std::optional<OtlpProtocol> chosen,
                                           std::string_view configured_endpoint);
    // Who we are: `base`, under OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME.
    OtlpAttributes resource(OtlpAttributes base);

  private:
    // The value of the signal's variable that ends so, else of the one for all signals.
    std::string_view exporter(std::string_view what);
    OtlpProtocol protocol();
    std::optional<HttpUrl> url(OtlpProtocol protocol, std::string_view configured_endpoint);
    void read_certificates(OtlpCollector& collector);
    OtlpAttributes list(std::string_view name, std::string_view text);

    const Env& env_;
    const OtlpSignal& signal_;
    std::vector<std::string>& warnings_;
    std::string exporter_name_;  // of the last exporter()
};

}  // namespace common
