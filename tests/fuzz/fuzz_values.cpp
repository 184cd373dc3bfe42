// Numbers, durations, sizes, addresses, path patterns and knobs: what is read can be written, and
// reads back to the same value. First line: a pattern; second: a method; the rest: the text.
#include <string>
#include <vector>

#include "common/config/knobs.hpp"
#include "common/core/parse.hpp"
#include "common/core/path_pattern.hpp"
#include "common/net/address.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

void require_values(std::string_view text) {
    if (const auto number = common::parse_int(text))
        HOLDS(common::parse_int(std::to_string(*number)) == number);
    if (const auto number = common::parse_go_int(text))
        HOLDS(common::parse_go_int(std::to_string(*number)) == number);
    if (const auto number = common::parse_number(text)) HOLDS(*number - *number == 0);  // finite
    if (const auto duration = common::parse_go_duration(text))
        HOLDS(common::parse_go_duration(common::format_go_duration(*duration)) == duration);
    if (const auto bytes = common::parse_byte_size(text))
        HOLDS(common::parse_byte_size(common::format_byte_size(*bytes)) == bytes);
    if (const auto address = common::parse_address(text))
        HOLDS(common::parse_address(common::to_string(*address)) == address);
    (void)common::parse_host_port(text);
    (void)common::parse_go_bool(text);
}

void require_patterns(std::string_view pattern_text, std::string_view method,
                      std::string_view target) {
    const auto pattern = common::parse_path_pattern(pattern_text);
    if (!pattern) return;
    HOLDS(common::parse_path_pattern(common::format_path_pattern(*pattern)) == pattern);
    const std::vector<common::PathPattern> list{*pattern};
    // The list of doors errs on one side only: what could be a control path can be denied too.
    const bool control = common::is_listed_control(list, method, target);
    HOLDS(!control || common::is_listed_denied(list, method, target));
    const std::string canonical = common::canonical_path(common::path_of_target(target));
    HOLDS(canonical.starts_with('/'));
    HOLDS(canonical.find("//") == std::string::npos);
    HOLDS((canonical + "/").find("/../") == std::string::npos);
    HOLDS(canonical.size() <= target.size() + 1);
}

void require_knobs(std::string_view text) {
    for (const common::KnobRow& row : common::knob_rows()) {
        common::Knobs knobs;
        const common::Knobs before = knobs;
        if (!row.read(text, knobs)) {
            HOLDS(knobs == before);
            continue;
        }
        const auto written = row.write(knobs);
        if (!written) continue;
        common::Knobs again;
        HOLDS(row.read(*written, again));
        HOLDS(again == knobs);
    }
    for (const auto& [name, value] : common::parse_podinfo(text))
        HOLDS(!name.empty() || !value.empty() || !text.empty());
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::string_view pattern = input.line();
    const std::string_view method = input.line();
    require_patterns(pattern, method, input.rest());
    require_values(input.rest());
    require_knobs(input.rest());
    return 0;
}
