// UTF-8 of texts that others wrote (RFC 3629).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace common {

// U+FFFD, in place of bytes that are no character.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

// Length of the well-formed character at the front of `text`; 0 if there is none. REQUIRES: not
// empty.
std::size_t utf8_length(std::string_view text);
// `text` with what is no character replaced, cut at a character's end to `bytes_max`.
std::string valid_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace common
