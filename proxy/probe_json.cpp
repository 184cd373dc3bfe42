#include "proxy/probe_json.hpp"

#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

namespace proxy {

namespace {

using nlohmann::json;
using Problems = std::vector<std::string>;

// Null if the key is absent or null.
const json* find(const json& object, const char* key) {
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
}

// A JSON number or a numeric string (Kubernetes' IntOrString without its names).
std::uint16_t port_of(const json& handler, const std::string& where, Problems& problems) {
    const json* value = find(handler, "port");
    std::optional<std::int64_t> port;
    if (value != nullptr && value->is_number_integer()) port = value->get<std::int64_t>();
    if (value != nullptr && value->is_string()) {
        const auto& text = value->get_ref<const std::string&>();
        std::int64_t number = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, number);
        if (error == std::errc() && stop == end) port = number;
    }
    if (port && *port >= 1 && *port <= 65535) return static_cast<std::uint16_t>(*port);
    problems.push_back(where + ".port is not a port number from 1 to 65535");
    return 0;
}

std::string text_of(const json& object, const char* key, const std::string& where,
                    Problems& problems) {
    const json* value = find(object, key);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get<std::string>();
    problems.push_back(where + "." + key + " is not a string");
    return {};
}

std::int64_t count_of(const json& probe, const char* key, Problems& problems) {
    const json* value = find(probe, key);
    if (value == nullptr) return 0;
    if (value->is_number_integer() && value->get<std::int64_t>() >= 0 &&
        value->get<std::int64_t>() <= INT32_MAX) {
        return value->get<std::int64_t>();
    }
    problems.push_back(std::string(key) + " is not an integer from 0 to 2147483647");
    return 0;
}

HttpProbe http_probe(const json& handler, Problems& problems) {
    const std::string where = "httpGet";
    HttpProbe probe;
    probe.port = port_of(handler, where, problems);
    const std::string path = text_of(handler, "path", where, problems);
    probe.path = path.starts_with('/') ? path : "/" + path;
    const std::string scheme = text_of(handler, "scheme", where, problems);
    if (scheme == "HTTPS" || scheme == "https") {
        probe.https = true;
    } else if (!scheme.empty() && scheme != "HTTP" && scheme != "http") {
        problems.push_back("httpGet.scheme is not HTTP or HTTPS");
    }
    const json* headers = find(handler, "httpHeaders");
    if (headers == nullptr) return probe;
    if (!headers->is_array()) {
        problems.push_back("httpGet.httpHeaders is not an array");
        return probe;
    }
    for (const json& header : *headers) {
        if (!header.is_object()) {
            problems.push_back("httpGet.httpHeaders has an element that is not an object");
            continue;
        }
        probe.headers.emplace_back(text_of(header, "name", "httpGet.httpHeaders", problems),
                                   text_of(header, "value", "httpGet.httpHeaders", problems));
    }
    return probe;
}

ProbeSpec probe_of(const json& probe, Problems& problems) {
    ProbeSpec spec;
    const auto handler = [&](const char* name) -> const json* {
        const json* found = find(probe, name);
        if (found == nullptr || found->is_object()) return found;
        problems.push_back(std::string(name) + " is not an object");
        return nullptr;
    };
    if (const json* http = handler("httpGet")) {
        spec.handler = http_probe(*http, problems);
    } else if (const json* tcp = handler("tcpSocket")) {
        spec.handler = TcpProbe{port_of(*tcp, "tcpSocket", problems)};
    } else if (const json* grpc = handler("grpc")) {
        GrpcProbe value;
        value.port = port_of(*grpc, "grpc", problems);
        value.service = text_of(*grpc, "service", "grpc", problems);
        spec.handler = std::move(value);
    } else if (find(probe, "exec") != nullptr) {
        spec.handler = ImpossibleProbe{"exec probes cannot be run by queue-proxy"};
    } else {
        spec.handler = ImpossibleProbe{"no probe found"};
    }
    using std::chrono::seconds;
    spec.period = seconds(count_of(probe, "periodSeconds", problems));
    spec.timeout = seconds(count_of(probe, "timeoutSeconds", problems));
    if (spec.period > common::Duration::zero() && spec.timeout < seconds(1)) {
        spec.timeout = seconds(1);
    }
    // 0 means the default, 1 (the success counter of a run is 1 after one success).
    const std::int64_t threshold = count_of(probe, "successThreshold", problems);
    spec.success_threshold = threshold < 1 ? 1 : static_cast<std::uint32_t>(threshold);
    return spec;
}

}  // namespace

ParsedProbes parse_probes(std::string_view text, bool is_array) {
    ParsedProbes result;
    if (text.empty()) return result;
    const json root = json::parse(text, nullptr, false);
    if (root.is_discarded()) {
        result.problems.emplace_back("is not valid JSON");
        return result;
    }
    if (root.is_null()) return result;
    if (is_array != root.is_array() || (!is_array && !root.is_object())) {
        result.problems.emplace_back(is_array ? "is not a JSON array of probes"
                                              : "is not a JSON object (a probe)");
        return result;
    }
    if (!is_array) {
        result.probes.push_back(probe_of(root, result.problems));
        return result;
    }
    for (const json& element : root) {
        if (element.is_null()) continue;
        if (!element.is_object()) {
            result.problems.emplace_back("has an element that is not an object (a probe)");
            continue;
        }
        result.probes.push_back(probe_of(element, result.problems));
    }
    return result;
}

}  // namespace proxy
