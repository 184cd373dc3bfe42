#include "sluice/service/read_probe.hpp"

#include <limits>

#include "common/core/parse.hpp"

namespace sluice {
namespace {

constexpr std::int64_t int32_max = std::numeric_limits<std::int32_t>::max();

// A port by number or by the container port's name; 0 if it means the container's port.
std::uint16_t read_port(const YamlField& action, const ContainerPort& port) {
    const auto field = action.find("port");
    if (!field) return 0;
    // Number and name are both right here, so a quoted number is no error: it is no name either.
    std::string text;
    if (const auto number = field->raw_scalar()) text = *number;
    if (!text.empty() && text == port.name) return 0;
    const auto number = common::parse_int(text);
    if (!number) {
        field->error("\"" + text + "\" is not a port number or the name of the container's port" +
                     (port.name.empty() ? "" : " (" + port.name + ")"));
        return 0;
    }
    if (*number < 0 || *number > 65535) {
        field->error("must be a port from 1 to 65535, not \"" + text + "\"");
        return 0;
    }
    if (*number == port.number || *number == 0) return 0;
    field->warn("is not the container's port " + std::to_string(port.number) +
                ": it stays fixed while each pod gets a port of its own");
    return static_cast<std::uint16_t>(*number);
}

void warn_host(const YamlField& action) {
    const auto host = action.text_of("host");
    if (!host.empty() && host != "127.0.0.1" && host != "localhost")
        action.find("host")->warn("is replaced by 127.0.0.1, as Knative does");
}

void read_http(const YamlField& action, ReadinessProbe& probe) {
    probe.kind = ReadinessProbe::Kind::http;
    probe.path = action.text_of("path", "/");
    probe.scheme = action.text_of("scheme", "HTTP");
    if (probe.scheme != "HTTP" && probe.scheme != "HTTPS")
        action.find("scheme")->error("must be HTTP or HTTPS");
    for (const auto& header : action.find_list("httpHeaders")) {
        probe.headers.emplace_back(header.text_of("name"), header.text_of("value"));
        if (probe.headers.back().first.empty()) header.error_at("name", "is missing");
    }
    warn_host(action);
    action.warn_unknown({"path", "port", "scheme", "host", "httpHeaders"});
}

// The one of the four actions that is there; a TCP probe if none is.
void read_action(const YamlField& field, const ContainerPort& port, ReadinessProbe& probe) {
    int actions = 0;
    if (const auto tcp = field.find_map("tcpSocket")) {
        ++actions;
        warn_host(*tcp);
        probe.fixed_port = read_port(*tcp, port);
        tcp->warn_unknown({"port", "host"});
    }
    if (const auto http = field.find_map("httpGet")) {
        ++actions;
        read_http(*http, probe);
        probe.fixed_port = read_port(*http, port);
    }
    if (const auto grpc = field.find_map("grpc")) {
        ++actions;
        probe.kind = ReadinessProbe::Kind::grpc;
        probe.fixed_port = read_port(*grpc, port);
        probe.grpc_service = grpc->text_of("service");
        grpc->warn_unknown({"port", "service"});
    }
    if (const auto exec = field.find_map("exec")) {
        ++actions;
        probe.kind = ReadinessProbe::Kind::exec;
        exec->warn("is not run on one machine: a pod is ready when its port is open");
    }
    if (actions > 1) field.error("must have one of tcpSocket, httpGet, grpc and exec, not several");
}

// Periods and thresholds as Knative's webhook judges them: period 0 means the queue-proxy's own
// fast retries, for which timeout and failure threshold have no meaning.
void check_times(const YamlField& field, const ReadinessProbe& probe) {
    if (probe.period_seconds > 0) return;
    for (const char* name : {"timeoutSeconds", "failureThreshold"})
        if (const auto set = field.find(name); set && set->raw_scalar() != "0")
            set->warn("has no meaning without periodSeconds, Knative refuses it");
}

}  // namespace

ReadinessProbe read_readiness_probe(const YamlField& field, const ContainerPort& port) {
    ReadinessProbe probe;
    read_action(field, port, probe);
    const auto number = [&](const char* name, std::int64_t min, std::int64_t fallback) {
        return field.integer_of(name, min, int32_max).value_or(fallback);
    };
    probe.initial_delay_seconds = number("initialDelaySeconds", 0, 0);
    probe.timeout_seconds = number("timeoutSeconds", 0, 0);
    probe.period_seconds = number("periodSeconds", 0, 0);
    probe.failure_threshold = number("failureThreshold", 0, 0);
    probe.success_threshold = number("successThreshold", 0, 1);
    if (probe.success_threshold == 0) probe.success_threshold = 1;
    check_times(field, probe);
    field.warn_unknown({"tcpSocket", "httpGet", "grpc", "exec", "initialDelaySeconds",
                        "timeoutSeconds", "periodSeconds", "failureThreshold", "successThreshold"},
                       {"terminationGracePeriodSeconds"});
    return probe;
}

}  // namespace sluice
