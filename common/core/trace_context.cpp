#include "common/core/trace_context.hpp"

#include <cstddef>

namespace common {
namespace {

// Sections 3.2.2.1 to 3.2.2.4: version, trace id, parent id and flags, and the dashes between them.
constexpr std::size_t version_digits = 2;
constexpr std::size_t trace_at = 3;
constexpr std::size_t span_at = 36;
constexpr std::size_t flags_at = 53;
constexpr std::size_t size_of_version_00 = 55;

constexpr std::uint64_t sampled_flag = 1;
constexpr std::uint64_t random_flag = 2;

// At most 16 digits. Nothing for other characters, upper case among them.
std::optional<std::uint64_t> parse_hex(std::string_view digits) {
    std::uint64_t value = 0;
    for (const char c : digits) {
        const bool is_digit = c >= '0' && c <= '9';
        const bool is_letter = c >= 'a' && c <= 'f';
        if (!is_digit && !is_letter) return std::nullopt;
        const int digit = is_digit ? c - '0' : c - 'a' + 10;
        value = value << 4 | static_cast<std::uint64_t>(digit);
    }
    return value;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
    if (text.size() < size_of_version_00) return std::nullopt;
    const auto version = parse_hex(text.substr(0, version_digits));
    if (!version || *version == 0xff) return std::nullopt;
    if (text.size() > size_of_version_00 && (*version == 0 || text[size_of_version_00] != '-'))
        return std::nullopt;
    if (text[trace_at - 1] != '-' || text[span_at - 1] != '-' || text[flags_at - 1] != '-')
        return std::nullopt;
    const auto high = parse_hex(text.substr(trace_at, 16));
    const auto low = parse_hex(text.substr(trace_at + 16, 16));
    const auto span = parse_hex(text.substr(span_at, 16));
    const auto flags = parse_hex(text.substr(flags_at, 2));
    if (!high || !low || !span || !flags) return std::nullopt;
    if ((*high == 0 && *low == 0) || *span == 0) return std::nullopt;
    return TraceContext{
        {*high, *low}, *span, (*flags & sampled_flag) != 0, (*flags & random_flag) != 0};
}

std::string format_traceparent(const TraceContext& context) {
    std::string text = "00-";
    append_hex(text, context.trace.high);
    append_hex(text, context.trace.low);
    text += '-';
    append_hex(text, context.span);
    text += "-0";
    text += static_cast<char>('0' + (context.sampled ? 1 : 0) + (context.random ? 2 : 0));
    return text;
}

void append_hex(std::string& out, std::uint64_t value) {
    constexpr char digits[] = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4)
        out += digits[value >> shift & 15];
}

std::string to_hex(const TraceId& id) {
    std::string text;
    append_hex(text, id.high);
    append_hex(text, id.low);
    return text;
}

std::string to_hex(std::uint64_t span) {
    std::string text;
    append_hex(text, span);
    return text;
}

}  // namespace common
