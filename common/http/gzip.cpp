#include "common/http/gzip.hpp"

#include <zlib.h>

#include <optional>

#include "common/core/check.hpp"

namespace common {
namespace {

constexpr int gzip_window_bits = 15 + 16;  // zlib.h: 16 more asks for the gzip format
constexpr int memory_level = 8;            // zlib's default

// "0", "0.0", …: not wanted at all.
bool is_zero_weight(std::string_view parameter) {
    parameter = trim_blanks(parameter);
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return false;
    parameter.remove_prefix(2);
    return !parameter.empty() && parameter.find_first_not_of("0.") == std::string_view::npos;
}

// Whether one member of the list speaks for or against gzip; nothing if it is about another coding.
std::optional<bool> vote(std::string_view member, std::string_view coding) {
    const std::size_t end = member.find(';');
    if (!equal_ignoring_case(trim_blanks(member.substr(0, end)), coding)) return std::nullopt;
    return end == std::string_view::npos || !is_zero_weight(member.substr(end + 1));
}

std::optional<bool> vote_of_list(std::string_view list, std::string_view coding) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (const auto found = vote(list.substr(0, comma), coding)) return found;
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return std::nullopt;
}

}  // namespace

bool accepts_gzip(const Fields& fields) {
    const std::string list = fields.joined("Accept-Encoding");
    if (const auto named = vote_of_list(list, "gzip")) return *named;
    return vote_of_list(list, "*").value_or(false);
}

std::string gzip(std::string_view text) {
    z_stream stream{};
    const int ready = deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_window_bits,
                                   memory_level, Z_DEFAULT_STRATEGY);
    CHECK(ready == Z_OK);
    std::string packed(deflateBound(&stream, text.size()), '\0');
    // zlib only reads there; its pointer lacks the const unless ZLIB_CONST is set.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const int done = deflate(&stream, Z_FINISH);
    CHECK(done == Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

}  // namespace common
