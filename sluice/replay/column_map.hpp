// Which column of a trace says what? `--map arrival=gmt_create,run=exec_time_seconds` and presets.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::replay {

enum class Column : std::uint8_t {
    arrival,  // when the request came
    end,      // instead of it: when it ended; it came `run` before
    run,      // seconds that its pod worked for it, its model loaded
    session,  // whose it was, any text
    model,    // what it wanted, any text
    load,     // seconds to load that model, where another was loaded
    left,     // seconds after its arrival at which the client left; empty: it stayed
    status    // HTTP status; 499: the client left at the end of `run`
};
inline constexpr std::array<std::string_view, 8> column_names = {
    "arrival", "end", "run", "session", "model", "load", "left", "status"};

class ColumnMap {
  public:
    // Columns have the names above.
    ColumnMap();

    // "access-log", "gentd26"; false if there is no such preset.
    bool use_preset(std::string_view name);
    static std::vector<std::string> preset_names();
    // "WHAT=HEADER,WHAT=HEADER"; returns what is wrong with it, or "".
    std::string add(std::string_view text);

    const std::string& header(Column column) const {
        return headers_[static_cast<std::size_t>(column)];
    }
    // It was named on the command line, so it has to be there.
    bool must_exist(Column column) const { return named_[static_cast<std::size_t>(column)]; }

  private:
    std::array<std::string, column_names.size()> headers_;
    std::array<bool, column_names.size()> named_{};
};

}  // namespace sluice::replay
