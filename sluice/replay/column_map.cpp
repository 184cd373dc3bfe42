#include "sluice/replay/column_map.hpp"

#include <algorithm>

namespace sluice::replay {
namespace {

struct Preset {
    std::string_view name;
    std::string_view map;
};

// access-log: nginx's names, $session and $model by what the log's owner writes there.
constexpr std::array<Preset, 2> presets = {{
    {"access-log", "end=time,run=request_time,session=session,model=model,status=status"},
    {"gentd26",
     "arrival=gmt_create,run=exec_time_seconds,session=groupId,"
     "model=checkpoint_model_version_id"},
}};

}  // namespace

ColumnMap::ColumnMap() {
    std::copy(column_names.begin(), column_names.end(), headers_.begin());
}

bool ColumnMap::use_preset(std::string_view name) {
    const auto* found = std::find_if(presets.begin(), presets.end(),
                                     [name](const Preset& preset) { return preset.name == name; });
    if (found == presets.end()) return false;
    // What the preset does not know, the file may still have under its plain name.
    add(found->map);
    named_.fill(false);
    return true;
}

std::vector<std::string> ColumnMap::preset_names() {
    std::vector<std::string> names;
    for (const Preset& preset : presets)
        names.emplace_back(preset.name);
    return names;
}

std::string ColumnMap::add(std::string_view text) {
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find(','));
        text.remove_prefix(std::min(pair.size() + 1, text.size()));
        const std::size_t equals = pair.find('=');
        const std::string_view name = pair.substr(0, equals);
        const auto* found = std::find(column_names.begin(), column_names.end(), name);
        if (equals == std::string_view::npos || equals + 1 == pair.size() ||
            found == column_names.end()) {
            return "--map: \"" + std::string(pair) + "\" is not WHAT=COLUMN with WHAT one of " +
                   "arrival, end, run, session, model, load, left, status";
        }
        const auto index = static_cast<std::size_t>(found - column_names.begin());
        headers_[index] = pair.substr(equals + 1);
        named_[index] = true;
    }
    return "";
}

}  // namespace sluice::replay
