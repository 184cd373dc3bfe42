#include "common/config/observability_config.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace common {

// pkg/observability/config.go 33-34; the table of contract 8.1 in words.
const std::string_view default_request_log_template =
    R"({"httpRequest": {"requestMethod": "{{.Request.Method}}", )"
    R"("requestUrl": "{{js .Request.RequestURI}}", "requestSize": "{{.Request.ContentLength}}", )"
    R"("status": {{.Response.Code}}, "responseSize": "{{.Response.Size}}", )"
    R"("userAgent": "{{js .Request.UserAgent}}", "remoteIp": "{{js .Request.RemoteAddr}}", )"
    R"("serverIp": "{{.Revision.PodIP}}", "referer": "{{js .Request.Referer}}", )"
    R"("latency": "{{.Response.Latency}}s", "protocol": "{{.Request.Proto}}"}, )"
    R"("traceId": "{{.TraceID}}"})";

namespace {

using nlohmann::json;

template <class Value>
using Choices = std::vector<std::pair<std::string_view, Value>>;

bool equal_fold(std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

// One JSON object, read key by key; problems name the path of the key.
class Section {
  public:
    Section(const json* object, std::string path, std::vector<std::string>& problems)
        : object_(object), path_(std::move(path)), problems_(problems) {
        if (object_ == nullptr || object_->is_object()) return;
        report("", "is not a JSON object");
        object_ = nullptr;
    }

    Section inner(std::string_view key) const {
        return Section(find(key), path_ + std::string(key) + ".", problems_);
    }

    void text(std::string_view key, std::string& out) const {
        const json* value = find(key);
        if (value == nullptr) return;
        if (!value->is_string()) return report(key, "is not a string");
        out = value->get<std::string>();
    }

    void boolean(std::string_view key, bool& out) const {
        const json* value = find(key);
        if (value == nullptr) return;
        if (!value->is_boolean()) return report(key, "is not true or false");
        out = value->get<bool>();
    }

    void number(std::string_view key, double& out) const {
        const json* value = find(key);
        if (value == nullptr) return;
        if (!value->is_number()) return report(key, "is not a number");
        out = value->get<double>();
    }

    void nanoseconds(std::string_view key, Duration& out) const {
        const json* value = find(key);
        if (value == nullptr) return;
        if (!value->is_number_integer()) {
            return report(key, "is not an integer number of nanoseconds");
        }
        out = Duration(value->get<std::int64_t>());
    }

    template <class Value>
    void choice(std::string_view key, const Choices<Value>& choices, Value& out) const {
        const json* value = find(key);
        if (value == nullptr) return;
        if (!value->is_string()) return report(key, "is not a string");
        const auto& word = value->get_ref<const std::string&>();
        std::string names;
        for (const auto& [name, meaning] : choices) {
            if (name == word) {
                out = meaning;
                return;
            }
            if (!names.empty()) names += ", ";
            names += name;
        }
        report(key, "'" + word + "' is not one of " + names);
    }

  private:
    // Nothing for an absent key and for null.
    const json* find(std::string_view key) const {
        if (object_ == nullptr) return nullptr;
        const json* found = nullptr;
        for (const auto& [name, value] : object_->items()) {
            if (name == key) {
                found = &value;
                break;
            }
            if (equal_fold(name, key)) found = &value;
        }
        return found == nullptr || found->is_null() ? nullptr : found;
    }

    void report(std::string_view key, const std::string& reason) const {
        std::string name = path_ + std::string(key);
        if (name.ends_with('.')) name.pop_back();
        problems_.push_back(name.empty() ? reason : name + (key.empty() ? " " : ": ") + reason);
    }

    const json* object_;
    std::string path_;
    std::vector<std::string>& problems_;
};

}  // namespace

ParsedObservabilityConfig parse_observability_config(std::string_view text) {
    ParsedObservabilityConfig result;
    if (text.empty()) return result;
    const json root = json::parse(text, nullptr, false);
    if (root.is_discarded()) {
        result.problems.emplace_back("is not valid JSON");
        return result;
    }
    if (root.is_null()) return result;
    ObservabilityConfig& config = result.config;
    const Section top(&root, "", result.problems);

    const Section tracing = top.inner("tracing");
    tracing.choice<TracingProtocol>("protocol",
                                    {{"none", TracingProtocol::none},
                                     {"grpc", TracingProtocol::grpc},
                                     {"http/protobuf", TracingProtocol::http_protobuf},
                                     {"stdout", TracingProtocol::standard_output}},
                                    config.tracing.protocol);
    tracing.text("endpoint", config.tracing.endpoint);
    tracing.number("samplingRate", config.tracing.sampling_rate);

    const Section metrics = top.inner("requestMetrics");
    metrics.choice<MetricsProtocol>("protocol",
                                    {{"none", MetricsProtocol::none},
                                     {"prometheus", MetricsProtocol::prometheus},
                                     {"grpc", MetricsProtocol::grpc},
                                     {"http/protobuf", MetricsProtocol::http_protobuf}},
                                    config.request_metrics.protocol);
    metrics.text("endpoint", config.request_metrics.endpoint);
    metrics.nanoseconds("exportInterval", config.request_metrics.export_interval);

    const Section runtime = top.inner("runtime");
    runtime.choice<bool>("profiling", {{"enabled", true}, {"disabled", false}}, config.profiling);
    Duration unused{};  // a wrong type is fatal although the value means nothing here
    runtime.nanoseconds("exportInterval", unused);

    top.boolean("enableRequestLog", config.request_log);
    top.text("requestLogTemplate", config.request_log_template);
    top.boolean("enableProbeRequestLog", config.probe_request_log);
    return result;
}

}  // namespace common
