#include "common/metrics/otel_instrument.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/core/check.hpp"

namespace common {
namespace {

// UCUM's unit, and its word in a Prometheus name. A unit in braces has none.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> unit_words = {
    {{"s", "_seconds"}, {"By", "_bytes"}}};
constexpr std::string_view total = "_total";
constexpr std::string_view family = "sluice_";

}  // namespace

std::string prometheus_label(std::string_view attribute) {
    std::string label(attribute);
    std::replace(label.begin(), label.end(), '.', '_');
    return label;
}

std::string prometheus_name(const OtelInstrument& instrument, MetricType type) {
    std::string name = prometheus_label(instrument.name);
    for (const auto& [unit, word] : unit_words) {
        if (unit == instrument.unit && !name.ends_with(word)) name += word;
    }
    if (type == MetricType::counter) name += total;
    return name;
}

OtelInstrument otel_instrument(std::string_view prometheus_name) {
    CHECK(prometheus_name.starts_with(family));
    std::string_view rest = prometheus_name.substr(family.size());
    if (rest.ends_with(total)) rest.remove_suffix(total.size());
    OtelInstrument instrument;
    instrument.name = "sluice." + std::string(rest);
    for (const auto& [unit, word] : unit_words) {
        if (rest.ends_with(word)) instrument.unit = unit;
    }
    instrument.is_fractional = instrument.unit == "s";
    return instrument;
}

}  // namespace common
