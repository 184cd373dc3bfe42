// Text on a terminal: how many columns it takes, and what of it fits. Wide characters (most of
// East Asia, emoji) take two columns, combining marks none; what is wide is Unicode's to say
// (utf8proc), not the machine's locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

// `text` with nothing in it that a terminal would obey instead of show: control characters and
// bytes that are no UTF-8 become U+FFFD, invisible format characters (direction, joiners) go.
// Paths come from clients, so all text that is shown must have been through this.
std::string printable(std::string_view text);

// REQUIRES, here and below: `text` is printable.
std::size_t columns_of(std::string_view text);

enum class Keep : std::uint8_t {
    start,
    end  // of names, which differ at their end
};

// `text` if it fits into `width` columns; else as much as fits with an ellipsis where it was cut.
std::string clipped(std::string_view text, std::size_t width, Keep keep = Keep::start);

// The same, filled up with blanks to exactly `width` columns, after the text or before it.
std::string left_aligned(std::string_view text, std::size_t width, Keep keep = Keep::start);
std::string right_aligned(std::string_view text, std::size_t width);

}  // namespace sluice
