// From a picture to the lines of a terminal of any size. Pure.
//
// From top to bottom: where we look; a line for each revision; the chosen one in numbers; then its
// pods, the head of its queue and what happened, which share what is left: each gets its heading
// and a line before any gets more, and what one does not need the others have. A small terminal
// loses the numbers and the line of keys first, then sections from below.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/top/picture.hpp"

namespace sluice::top {

struct Size {
    std::size_t columns = 80;
    std::size_t rows = 24;
};

enum class Style : std::uint8_t { plain, title, heading, chosen, dim };

struct Line {
    std::string text;
    Style style = Style::plain;
};

// At most size.rows lines of at most size.columns columns. `keys` is the last line; empty: none.
std::vector<Line> lay_out(const Picture& picture, Size size, std::string_view keys);

// Rows for sections that want so many, from so many: see above. A section gets none or at least
// two.
std::vector<std::size_t> share_rows(const std::vector<std::size_t>& wanted, std::size_t rows);

// As the page writes it: "250 ms", "3.2 s", "2 min 5 s".
std::string short_time(double seconds);

}  // namespace sluice::top
