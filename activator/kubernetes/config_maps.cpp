#include "activator/kubernetes/config_maps.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/core/parse.hpp"
#include "common/http/fields.hpp"

namespace activator::kubernetes {
namespace {

const std::string* find(const ConfigData& data, const std::string& key) {
    const auto it = data.find(key);
    return it == data.end() ? nullptr : &it->second;
}

bool is_word(const std::string& value, std::string_view word) {
    return common::equal_ignoring_case(value, word);
}

bool read_bool(const ConfigData& data, const std::string& key, std::vector<std::string>& problems) {
    const std::string* value = find(data, key);
    if (value == nullptr) return false;
    const std::optional<bool> parsed = common::parse_go_bool(*value);
    if (!parsed) problems.push_back(key + ": '" + *value + "' is not true or false");
    return parsed.value_or(false);
}

common::LogLevel level_of(std::string_view name) {
    if (name == "debug") return common::LogLevel::debug;
    if (name == "warn" || name == "warning") return common::LogLevel::warning;
    if (name == "error" || name == "dpanic" || name == "panic" || name == "fatal")
        return common::LogLevel::error;
    return common::LogLevel::info;
}

// A wrong word is a problem, and counts as none; without a word `protocol` stays.
template <class Protocol>
void read_protocol(const ConfigData& data, const std::string& key,
                   const std::array<std::pair<std::string_view, Protocol>, 4>& protocols,
                   const std::string& valid, Protocol& protocol,
                   std::vector<std::string>& problems) {
    const std::string* word = find(data, key);
    if (word == nullptr || word->empty()) return;
    const auto at = std::find_if(protocols.begin(), protocols.end(),
                                 [word](const auto& one) { return is_word(*word, one.first); });
    if (at == protocols.end()) problems.push_back(key + ": '" + *word + "' is not " + valid);
    protocol = at == protocols.end() ? Protocol::none : at->second;
}

void read_metrics(const ConfigData& data, ActivatorObservability& config) {
    using common::MetricsProtocol;
    static constexpr std::array<std::pair<std::string_view, MetricsProtocol>, 4> protocols = {
        {{"none", MetricsProtocol::none},
         {"prometheus", MetricsProtocol::prometheus},
         {"http/protobuf", MetricsProtocol::http_protobuf},
         {"grpc", MetricsProtocol::grpc}}};
    read_protocol(data, "metrics-protocol", protocols, "none, prometheus, http/protobuf or grpc",
                  config.metrics.protocol, config.problems);
    if (const std::string* endpoint = find(data, "metrics-endpoint"))
        config.metrics.endpoint = *endpoint;
    if (const std::string* text = find(data, "metrics-export-interval")) {
        const std::optional<Duration> interval = common::parse_go_duration(*text);
        if (!interval || *interval < Duration::zero())
            config.problems.push_back("metrics-export-interval: '" + *text +
                                      "' is not a duration like 30s or 1m: 60s is used");
        config.metrics.export_interval = interval.value_or(Duration{});
    }
}

void read_tracing(const ConfigData& data, ActivatorObservability& config) {
    using common::TracingProtocol;
    static constexpr std::array<std::pair<std::string_view, TracingProtocol>, 4> protocols = {
        {{"none", TracingProtocol::none},
         {"grpc", TracingProtocol::grpc},
         {"http/protobuf", TracingProtocol::http_protobuf},
         {"stdout", TracingProtocol::standard_output}}};
    read_protocol(data, "tracing-protocol", protocols, "none, http/protobuf, grpc or stdout",
                  config.tracing.protocol, config.problems);
    if (const std::string* endpoint = find(data, "tracing-endpoint"))
        config.tracing.endpoint = *endpoint;
    if (const std::string* rate = find(data, "tracing-sampling-rate")) {
        const std::optional<double> parsed = common::parse_number(*rate);
        if (!parsed || *parsed < 0 || *parsed > 1)
            config.problems.push_back("tracing-sampling-rate: '" + *rate +
                                      "' is not a number from 0 to 1");
        config.tracing.sampling_rate = parsed.value_or(0);
    }
}

}  // namespace

NetworkConfig read_network_config(const ConfigData& data) {
    NetworkConfig config;
    config.passthrough = read_bool(data, "enable-mesh-pod-addressability", config.problems);
    // An unknown word counts as auto, as in stock.
    if (const std::string* mode = find(data, "mesh-compatibility-mode")) {
        if (is_word(*mode, "enabled")) config.mesh = MeshMode::enabled;
        if (is_word(*mode, "disabled")) config.mesh = MeshMode::disabled;
    }
    if (const std::string* tls = find(data, "system-internal-tls")) {
        config.internal_tls = is_word(*tls, "enabled");
        if (!config.internal_tls && !is_word(*tls, "disabled"))
            config.problems.push_back("system-internal-tls: '" + *tls +
                                      "' is not enabled or disabled");
    } else {
        config.internal_tls = read_bool(data, "internal-encryption", config.problems);
    }
    return config;
}

common::LogLevel read_log_level(const ConfigData& data) {
    if (const std::string* level = find(data, "loglevel.activator")) return level_of(*level);
    const std::string* zap = find(data, "zap-logger-config");
    if (zap == nullptr) return common::LogLevel::info;
    const auto json = nlohmann::json::parse(*zap, nullptr, false);
    if (!json.is_object() || !json.contains("level") || !json["level"].is_string())
        return common::LogLevel::info;
    return level_of(json["level"].get_ref<const std::string&>());
}

ActivatorObservability read_observability(const ConfigData& data) {
    ActivatorObservability config;
    read_metrics(data, config);
    read_tracing(data, config);
    config.request_log = read_bool(data, "logging.enable-request-log", config.problems);
    const std::string* text = find(data, "logging.request-log-template");
    if (text != nullptr && !text->empty()) config.request_log_template = *text;
    return config;
}

}  // namespace activator::kubernetes
