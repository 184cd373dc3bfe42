// From a service file and the command line to the variants that are replayed.
//
// A setting is KEY=VALUE: one of our own keys below, or an annotation by its full name or by what
// stands behind its '/' (sluice.dev/, autoscaling.knative.dev/, the cookie's). Settings apply in
// the order of the command line; a comparison's values come after them, and several comparisons
// make every combination.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sluice/replay/core/setup.hpp"
#include "sluice/service/service_file.hpp"

namespace sluice::replay {

using Setting = std::pair<std::string, std::string>;

struct Comparison {
    std::string key;
    std::vector<std::string> values;
};

struct Variant {
    std::vector<Setting> names;  // what makes it differ from the others; policy is always there
    Setup setup;
    bool reference = false;  // nobody asked for it: ideal and stock
};

struct VariantsResult {
    std::vector<Variant> variants;
    std::string error;  // one line, or ""
};

// "KEY=VALUE" and "KEY=V1,V2"; empty key: it is neither.
Setting parse_setting(const std::string& text);
Comparison parse_comparison(const std::string& text);

inline constexpr std::size_t variants_max = 64;

VariantsResult make_variants(const ServiceSpec& service, const autoscaler::Config& config,
                             const std::vector<Setting>& settings,
                             const std::vector<Comparison>& comparisons);

}  // namespace sluice::replay
