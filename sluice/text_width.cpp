#include "sluice/text_width.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

namespace sluice {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view ellipsis = "\xE2\x80\xA6";     // U+2026, one column

struct Character {
    std::string_view bytes;
    utf8proc_int32_t code = -1;  // negative: no UTF-8
};

// Takes the first character off `rest`, which is not empty.
Character take(std::string_view& rest) {
    Character one;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(rest.data());
    const auto length =
        utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(rest.size()), &one.code);
    one.bytes = rest.substr(0, length > 0 ? static_cast<std::size_t>(length) : 1);
    if (length <= 0) one.code = -1;
    rest.remove_prefix(one.bytes.size());
    return one;
}

std::size_t width_of(utf8proc_int32_t code) {
    return static_cast<std::size_t>(std::max(utf8proc_charwidth(code), 0));
}

}  // namespace

std::string printable(std::string_view text) {
    std::string shown;
    while (!text.empty()) {
        const Character one = take(text);
        const utf8proc_category_t category =
            one.code < 0 ? UTF8PROC_CATEGORY_CC : utf8proc_category(one.code);
        switch (category) {
            case UTF8PROC_CATEGORY_CC:
            case UTF8PROC_CATEGORY_CS:
            case UTF8PROC_CATEGORY_ZL:
            case UTF8PROC_CATEGORY_ZP:
                shown += replacement;
                break;
            case UTF8PROC_CATEGORY_CF:
                break;
            default:
                shown += one.bytes;
        }
    }
    return shown;
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty())
        columns += width_of(take(text).code);
    return columns;
}

std::string clipped(std::string_view text, std::size_t width, Keep keep) {
    if (columns_of(text) <= width) return std::string(text);
    if (width == 0) return "";
    std::vector<Character> characters;
    while (!text.empty())
        characters.push_back(take(text));
    if (keep == Keep::end) std::reverse(characters.begin(), characters.end());
    std::size_t left = width - 1;  // the ellipsis has one
    std::vector<std::string_view> kept;
    for (const Character& one : characters) {
        const std::size_t columns = width_of(one.code);
        if (columns > left) break;
        left -= columns;
        kept.push_back(one.bytes);
    }
    kept.push_back(ellipsis);
    if (keep == Keep::end) std::reverse(kept.begin(), kept.end());
    std::string result;
    for (const std::string_view bytes : kept)
        result += bytes;
    return result;
}

std::string left_aligned(std::string_view text, std::size_t width, Keep keep) {
    std::string result = clipped(text, width, keep);
    result.append(width - columns_of(result), ' ');
    return result;
}

std::string right_aligned(std::string_view text, std::size_t width) {
    const std::string shown = clipped(text, width);
    return std::string(width - columns_of(shown), ' ') + shown;
}

}  // namespace sluice
