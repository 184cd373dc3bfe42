// What we know about applications, so that their owners need not find it out (sluice.dev/app).
// Data only: a preset is a set of knob values, each of which an annotation overrides.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace common {

struct AppPreset {
    std::string_view name;
    // In the syntax of sluice.dev/control-paths, deny-paths and so on.
    std::span<const std::string_view> control_paths;
    std::span<const std::string_view> deny_paths;
    std::string_view interrupt_path;
    std::string_view model_key;
    // GET path that answers 200 when the application can serve; used as readiness probe when the
    // service file has none.
    std::string_view readiness_path;
};

// Null if there is no such preset. The pointer lives for ever.
const AppPreset* find_app_preset(std::string_view name);
std::vector<std::string> app_preset_names();

}  // namespace common
