// What people and programs get to see of a replay: a table, JSON, a page of HTML.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "sluice/replay/core/figures.hpp"
#include "sluice/replay/trace_reader.hpp"
#include "sluice/replay/variants.hpp"

namespace sluice::replay {

struct Run {
    const Variant& variant;
    const Figures& figures;
};

struct Source {
    std::string name;  // of the trace
    std::uint64_t rows = 0;
    std::uint64_t bad_rows = 0;
    std::vector<BadRow> first_bad_rows;
};

// "model-aware", "soft, gpus=4".
std::string variant_text(const Variant& variant);

void print_table(std::span<const Run> runs, std::ostream& out);
// One line per kept bad row, and one with their number.
void print_bad_rows(const Source& source, std::ostream& out);
std::string to_json(const Source& source, std::span<const Run> runs);
// Complete in itself: the chart library is inside.
std::string to_html(const Source& source, std::span<const Run> runs);

}  // namespace sluice::replay
