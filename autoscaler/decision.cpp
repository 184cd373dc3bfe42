#include "autoscaler/decision.hpp"

#include <array>
#include <cstdio>

#include "common/core/parse.hpp"

namespace autoscaler {

namespace {

// Up to 4 significant digits: "0.9091", "5".
std::string number_text(double value) {
    std::array<char, 32> buffer{};
    const int length = std::snprintf(buffer.data(), buffer.size(), "%.4g", value);
    return {buffer.data(), static_cast<std::size_t>(length)};
}

std::string cause_text(const Decision& decision) {
    switch (decision.trigger) {
        case Trigger::poke:
            return "first request";
        case Trigger::demand:
            return std::to_string(decision.waiting) + " waiting";
        case Trigger::tick:
            break;
    }
    return "average " + number_text(decision.averages.stable) + " over " +
           common::format_go_duration(decision.stable_window) + ", " +
           number_text(decision.averages.panic) + " over " +
           common::format_go_duration(decision.panic_window);
}

}  // namespace

std::string_view reason_text(Reason reason) {
    switch (reason) {
        case Reason::average:
            return "average";
        case Reason::panic:
            return "panic";
        case Reason::early_demand:
            return "early demand";
        case Reason::min_scale:
            return "min-scale";
        case Reason::max_scale:
            return "max-scale";
        case Reason::initial_scale:
            return "initial-scale";
        case Reason::scale_to_zero_off:
            return "scale to zero is off";
        case Reason::activating:
            return "still starting";
        case Reason::activation_failed:
            return "did not start in time";
        case Reason::recently_active:
            return "active for less than the stable window";
        case Reason::became_idle:
            return "idle, grace period begins";
        case Reason::retention:
            return "pod retention period";
        case Reason::grace:
            return "grace period";
        case Reason::to_zero:
            return "scale to zero";
    }
    return "";
}

std::string decision_text(const Decision& decision) {
    std::string text = cause_text(decision) + ", " + std::to_string(decision.pods.ready) + " ready";
    if (decision.pods.starting > 0) {
        text += ", " + std::to_string(decision.pods.starting) + " starting";
    }
    text += decision.changed() ? " -> " : " -> still ";
    text += std::to_string(decision.replicas) + (decision.replicas == 1 ? " pod (" : " pods (");
    text += reason_text(decision.reason);
    return text + ")";
}

}  // namespace autoscaler
