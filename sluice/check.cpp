#include "sluice/check.hpp"

#include <cmath>
#include <ostream>
#include <sstream>

#include "common/core/parse.hpp"
#include "sluice/service/service_file.hpp"

namespace sluice {
namespace {

// 70 and not 70.000000; seven digits are more than anyone writes.
std::string number_text(double value) {
    std::ostringstream text;
    text.precision(7);
    text << value;
    return text.str();
}

std::string command_line(const Container& container) {
    std::string text;
    for (const auto* words : {&container.command, &container.args})
        for (const auto& word : *words) {
            if (!text.empty()) text += ' ';
            text += word;
        }
    return text;
}

void print_container(const ServiceSpec& service, std::ostream& out) {
    const auto& container = service.container;
    if (!container.image.empty()) out << "  image: " << container.image << "\n";
    const auto command = command_line(container);
    out << "  runs: " << (container.command.empty() ? "the image's own command" : "") << command
        << "\n";
    out << "  port: " << container.port.number;
    if (!container.port.name.empty()) out << " (" << container.port.name << ")";
    out << "\n  readiness: " << readiness_probe_json(container.readiness, container.port.number)
        << "\n";
    if (container.gpus > 0) out << "  GPUs per pod: " << container.gpus << "\n";
}

void print_limits(const ServiceSpec& service, std::ostream& out) {
    out << "  concurrency: ";
    if (service.container_concurrency == 0)
        out << "unlimited";
    else
        out << service.container_concurrency << " at once per pod";
    out << "\n  timeout: " << service.timeout_seconds << " s\n";
}

void print_scaling(const ServiceSpec& service, const autoscaler::Config& config,
                   std::ostream& out) {
    const auto& scaling = service.scaling;
    const auto min = scaling.min_scale.value_or(config.min_scale);
    const auto max = scaling.max_scale.value_or(config.max_scale);
    out << "  pods: " << min << " to " << (max == 0 ? "any number" : std::to_string(max))
        << ", window " << common::format_go_duration(scaling.window.value_or(config.stable_window))
        << "\n";
    const bool rps = scaling.metric == autoscaler::Metric::rps;
    const auto concurrency = static_cast<double>(service.container_concurrency);
    const double fallback = rps                 ? config.rps_target_default
                            : concurrency > 0.0 ? concurrency
                                                : config.concurrency_target_default;
    // The rps utilisation is a constant (contract kpa.md 2).
    const double utilization = scaling.target_utilization_percentage.value_or(
        rps ? 70 : config.concurrency_target_fraction * 100);
    out << "  target: " << number_text(scaling.target.value_or(fallback))
        << (rps ? " requests/s" : " at once") << " per pod at " << number_text(utilization)
        << " %\n";
}

void print_affinity(const common::Knobs& knobs, std::ostream& out) {
    out << "  affinity: ";
    if (!knobs.affinity_header.empty())
        out << "by header " << knobs.affinity_header;
    else if (knobs.affinity.enabled)
        out << "cookie \"" << knobs.affinity.cookie_name << "\", ends after "
            << knobs.affinity.timeout.count() << " s idle";
    else
        out << "none";
    out << "\n";
}

void print_knobs(const common::Knobs& knobs, std::ostream& out) {
    const common::Knobs defaults;
    for (const auto& row : common::knob_rows()) {
        if (!row.name.starts_with("sluice.dev/")) continue;
        const auto value = row.write(knobs);
        if (value && value != row.write(defaults))
            out << "  " << row.name << ": " << *value << "\n";
    }
}

void print_service(const ServiceSpec& service, const autoscaler::Config& config,
                   std::ostream& out) {
    out << "service " << service.name << " (namespace " << service.name_space << ", revision "
        << service.revision << ")\n";
    print_container(service, out);
    print_limits(service, out);
    print_scaling(service, config, out);
    print_affinity(service.knobs, out);
    print_knobs(service.knobs, out);
    for (const auto& name : service.ignored)
        out << "  ignored: annotation " << name << " (has no meaning on one machine)\n";
}

}  // namespace

int run_check(std::span<const std::string> files, std::ostream& out, std::ostream& err) {
    bool failed = false;
    for (const auto& path : files) {
        const auto file = read_service_file(path);
        for (const auto& problem : file.problems)
            (problem.line == 0 ? err : out) << problem_line(path, problem) << "\n";
        if (file.has_errors()) failed = true;
        for (const auto& service : file.services)
            print_service(service, file.autoscaler, out);
    }
    return failed ? 1 : 0;
}

}  // namespace sluice
