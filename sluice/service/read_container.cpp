#include "sluice/service/read_container.hpp"

#include <algorithm>
#include <array>

#include "common/core/parse.hpp"
#include "sluice/service/read_probe.hpp"

namespace sluice {
namespace {

// Ports that Knative keeps for the queue-proxy (contract queue-proxy.md 11).
constexpr std::array<std::int64_t, 6> reserved_ports{8008, 8012, 8013, 8022, 9090, 9091};
constexpr std::array<std::string_view, 4> reserved_env{"PORT", "K_SERVICE", "K_REVISION",
                                                       "K_CONFIGURATION"};

bool is_env_name(std::string_view name) {  // Kubernetes: [-._a-zA-Z][-._a-zA-Z0-9]*
    if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        const char lower = static_cast<char>(c | 0x20);
        return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    });
}

void read_env(const YamlField& field, Container& container) {
    for (const auto& entry : field.find_list("env")) {
        const auto name = entry.text_of("name");
        if (!is_env_name(name)) {
            entry.error_at("name", "\"" + name +
                                       "\" is not a variable's name (letters, digits, '-', '_' and "
                                       "'.', not a digit first)");
            continue;
        }
        if (std::find(reserved_env.begin(), reserved_env.end(), name) != reserved_env.end()) {
            entry.error_at("name", name + " is set by Knative itself");
            continue;
        }
        if (const auto from = entry.find("valueFrom")) {
            from->error("is not supported on one machine: give " + name + " a value");
            continue;
        }
        entry.warn_unknown({"name", "value", "valueFrom"});
        container.env.emplace_back(name, entry.text_of("value"));
    }
    if (const auto from = field.find("envFrom"))
        from->error("is not supported on one machine: list the variables in env");
}

void read_port(const YamlField& field, Container& container) {
    const auto ports = field.find_list("ports");
    if (ports.empty()) return;
    if (ports.size() > 1)
        ports[1].error("a Knative container has one port, this one has " +
                       std::to_string(ports.size()));
    const auto& port = ports.front();
    if (const auto number = port.integer_of("containerPort", 1, 65535)) {
        container.port.number = static_cast<std::uint16_t>(*number);
        if (std::find(reserved_ports.begin(), reserved_ports.end(), *number) !=
            reserved_ports.end())
            port.find("containerPort")
                ->warn(std::to_string(*number) +
                       " belongs to the queue-proxy in a cluster, Knative refuses it "
                       "(8008, 8012, 8013, 8022, 9090, 9091)");
    }
    container.port.name = port.text_of("name");
    const auto& name = container.port.name;
    if (!name.empty() && name != "http1" && name != "h2c") {
        port.find("name")->error("must be http1 or h2c, not \"" + name + "\"");
        container.port.name.clear();
    }
    if (port.text_of("protocol", "TCP") != "TCP") port.find("protocol")->error("must be TCP");
    port.warn_unknown({"containerPort", "name", "protocol"}, {"hostPort", "hostIP"});
}

void read_resources(const YamlField& field, Container& container) {
    const auto resources = field.find_map("resources");
    if (!resources) return;
    const auto limits = resources->find_map("limits");
    if (!limits) return;
    constexpr std::string_view gpu = "nvidia.com/gpu";
    if (const auto count = limits->find(gpu)) {
        // A quantity: Kubernetes takes 1 and "1" alike.
        const auto number = common::parse_int(count->raw_scalar().value_or(""));
        if (number && *number >= 0 && *number <= 64)
            container.gpus = static_cast<std::uint32_t>(*number);
        else
            count->error("must be a whole number of GPUs from 0 to 64");
    }
    for (const auto& [name, limit] : limits->entries())
        if (name != gpu) limit.warn("is not enforced on one machine");
    resources->warn_unknown({"limits", "requests"}, {"claims"});
}

void read_readiness(const YamlField& field, std::string_view preset, Container& container) {
    if (const auto probe = field.find_map("readinessProbe")) {
        container.readiness = read_readiness_probe(*probe, container.port);
    } else if (!preset.empty()) {
        container.readiness.kind = ReadinessProbe::Kind::http;
        container.readiness.path = preset;
        container.readiness.scheme = "HTTP";
    }
}

}  // namespace

Container read_container(const YamlField& field, std::string_view preset_readiness) {
    Container container;
    if (!field.is_map()) {
        field.error("must be a map");
        return container;
    }
    container.name = field.text_of("name");
    container.image = field.text_of("image");
    container.command = field.texts_of("command");
    container.args = field.texts_of("args");
    container.working_dir = field.text_of("workingDir");
    if (container.image.empty()) field.error_at("image", "is missing");
    if (container.command.empty() && !container.image.empty())
        field.warn(std::string(no_command_message));
    read_env(field, container);
    read_port(field, container);
    read_readiness(field, preset_readiness, container);
    read_resources(field, container);
    field.warn_unknown({"name", "image", "command", "args", "env", "envFrom", "workingDir", "ports",
                        "readinessProbe", "resources", "imagePullPolicy"},
                       {"livenessProbe", "startupProbe", "volumeMounts", "volumeDevices",
                        "securityContext", "lifecycle", "terminationMessagePath",
                        "terminationMessagePolicy", "stdin", "stdinOnce", "tty"});
    return container;
}

}  // namespace sluice
