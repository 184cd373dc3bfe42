#include "common/core/parse.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace common {
namespace {

constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t i64_max = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Takes a leading '+' or '-' off `text`; true for '-'.
bool take_sign(std::string_view& text) {
    if (text.empty() || (text.front() != '-' && text.front() != '+')) return false;
    const bool negative = text.front() == '-';
    text.remove_prefix(1);
    return negative;
}

std::optional<std::int64_t> with_sign(std::uint64_t magnitude, bool negative) {
    if (magnitude > i64_max + (negative ? 1U : 0U)) return std::nullopt;
    return static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
}

std::optional<std::uint64_t> parse_digits(std::string_view digits, int base) {
    // from_chars on an unsigned type would take no sign, but be explicit about '-'.
    if (digits.empty() || digits.front() == '-') return std::nullopt;
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

// Drops '_' where Go allows it: each one stands between two digits, or between prefix and digit.
std::optional<std::string> without_underscores(std::string_view digits, bool had_prefix) {
    std::string plain;
    bool digit_before = had_prefix;
    for (const char c : digits) {
        if (c == '_') {
            if (!digit_before) return std::nullopt;
            digit_before = false;
        } else {
            plain += c;
            digit_before = true;
        }
    }
    if (!digit_before) return std::nullopt;
    return plain;
}

// `text` begins with one of Go's duration units; returns its length in nanoseconds and takes it.
std::optional<std::uint64_t> take_unit(std::string_view& text) {
    // Two-letter units first: "ms" must not be read as "m". Both spellings of micro are UTF-8.
    static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> units{{
        {"ns", 1},
        {"us", 1'000},
        {"\xC2\xB5s", 1'000},
        {"\xCE\xBCs", 1'000},
        {"ms", 1'000'000},
        {"s", 1'000'000'000},
        {"m", 60'000'000'000},
        {"h", 3'600'000'000'000},
    }};
    for (const auto& [name, nanoseconds] : units) {
        if (text.starts_with(name)) {
            text.remove_prefix(name.size());
            return nanoseconds;
        }
    }
    return std::nullopt;
}

std::string_view take_digits(std::string_view& text) {
    std::size_t length = 0;
    while (length < text.size() && is_digit(text[length]))
        ++length;
    const auto digits = text.substr(0, length);
    text.remove_prefix(length);
    return digits;
}

// The nanoseconds of 0.<digits> units, cut. Digits past the 18th cannot change the result.
std::uint64_t fraction_of(std::string_view digits, std::uint64_t unit) {
    double scale = 1;
    std::uint64_t value = 0;
    for (const char c : digits.substr(0, 18)) {
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
        scale *= 10;
    }
    return static_cast<std::uint64_t>(static_cast<double>(value) *
                                      (static_cast<double>(unit) / scale));
}

// Reads "<digits>[.<digits>]<unit>" and adds it to `total`; false on bad text or overflow.
bool add_duration_part(std::string_view& text, std::uint64_t& total) {
    const auto whole = take_digits(text);
    std::string_view fraction;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        fraction = take_digits(text);
    }
    if (whole.empty() && fraction.empty()) return false;
    const auto unit = take_unit(text);
    if (!unit) return false;
    const auto count = whole.empty() ? std::optional<std::uint64_t>(0) : parse_digits(whole, 10);
    if (!count || *count > i64_max / *unit) return false;
    const auto part = *count * *unit + fraction_of(fraction, *unit);
    if (part > i64_max || total > i64_max - part) return false;
    total += part;
    return true;
}

}  // namespace

std::optional<std::int64_t> parse_int(std::string_view text) {
    const bool negative = take_sign(text);
    const auto magnitude = parse_digits(text, 10);
    if (!magnitude) return std::nullopt;
    return with_sign(*magnitude, negative);
}

std::optional<std::int64_t> parse_go_int(std::string_view text) {
    const bool negative = take_sign(text);
    int base = 10;
    bool prefixed = false;
    if (text.size() > 1 && text.front() == '0') {
        prefixed = true;
        const char letter = static_cast<char>(text[1] | 0x20);
        base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
    }
    if (text.find('_') == std::string_view::npos) {
        const auto magnitude = parse_digits(text, base);
        return magnitude ? with_sign(*magnitude, negative) : std::nullopt;
    }
    const auto plain = without_underscores(text, prefixed);
    if (!plain) return std::nullopt;
    const auto magnitude = parse_digits(*plain, base);
    return magnitude ? with_sign(*magnitude, negative) : std::nullopt;
}

std::optional<bool> parse_go_bool(std::string_view text) {
    for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
        if (text == yes) return true;
    for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"})
        if (text == no) return false;
    return std::nullopt;
}

std::optional<double> parse_number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto unsigned_text = text.starts_with('-') ? text.substr(1) : text;
    // Keeps "inf", "nan" and a second sign out; from_chars refuses everything else that is wrong.
    if (unsigned_text.empty() || (!is_digit(unsigned_text.front()) && unsigned_text.front() != '.'))
        return std::nullopt;
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::optional<Duration> parse_go_duration(std::string_view text) {
    const bool negative = take_sign(text);
    if (text == "0") return Duration::zero();
    if (text.empty()) return std::nullopt;
    std::uint64_t total = 0;
    while (!text.empty())
        if (!add_duration_part(text, total)) return std::nullopt;
    const auto signed_total = static_cast<std::int64_t>(total);
    return Duration(negative ? -signed_total : signed_total);
}

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
    const auto digits = take_digits(text);
    const auto count = parse_digits(digits, 10);
    if (!count) return std::nullopt;
    static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 9> suffixes{{
        {"", 1},
        {"k", 1'000},
        {"M", 1'000'000},
        {"G", 1'000'000'000},
        {"T", 1'000'000'000'000},
        {"Ki", std::uint64_t{1} << 10},
        {"Mi", std::uint64_t{1} << 20},
        {"Gi", std::uint64_t{1} << 30},
        {"Ti", std::uint64_t{1} << 40},
    }};
    for (const auto& [suffix, factor] : suffixes) {
        if (text != suffix) continue;
        if (*count > u64_max / factor) return std::nullopt;
        return *count * factor;
    }
    return std::nullopt;
}

std::optional<HostPort> parse_host_port(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port_text = text.substr(colon + 1);
    if (port_text.empty() || !is_digit(port_text.front())) return std::nullopt;
    const auto port = parse_int(port_text);
    if (!port || *port > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
    if (host.starts_with('[')) {
        if (!host.ends_with(']') || host.size() < 3) return std::nullopt;
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    if (host.find_first_of("[]/ \t\r\n") != std::string_view::npos) return std::nullopt;
    return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::optional<HttpUrl> parse_http_url(std::string_view text) {
    HttpUrl url;
    url.tls = text.starts_with("https://");
    if (!url.tls && !text.starts_with("http://")) return std::nullopt;
    text.remove_prefix(url.tls ? 8 : 7);
    const auto odd = [](char c) { return c <= ' ' || c == 127 || c == '#' || c == '\\'; };
    if (std::any_of(text.begin(), text.end(), odd)) return std::nullopt;
    const std::string_view authority = text.substr(0, text.find_first_of("/?"));
    if (authority.find('@') != std::string_view::npos) return std::nullopt;
    url.path = text.substr(authority.size());
    std::string with_port(authority);
    const bool has_port =
        authority.find(':') != std::string_view::npos && !authority.ends_with(']');
    if (!has_port) with_port += url.tls ? ":443" : ":80";
    const std::optional<HostPort> host = parse_host_port(with_port);
    if (!host || host->host.empty() || host->port == 0) return std::nullopt;
    url.host = *host;
    return url;
}

std::string format_go_duration(Duration duration) {
    if (duration == Duration::zero()) return "0s";
    const bool negative = duration < Duration::zero();
    auto rest = static_cast<std::uint64_t>(duration.count());
    if (negative) rest = ~rest + 1;
    static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> units{{
        {"h", 3'600'000'000'000},
        {"m", 60'000'000'000},
        {"s", 1'000'000'000},
        {"ms", 1'000'000},
        {"us", 1'000},
        {"ns", 1},
    }};
    std::string text = negative ? "-" : "";
    for (const auto& [name, length] : units) {
        if (rest < length) continue;
        text += std::to_string(rest / length);
        text += name;
        rest %= length;
    }
    return text;
}

std::string format_byte_size(std::uint64_t bytes) {
    static constexpr std::array<std::pair<std::string_view, unsigned>, 4> suffixes{
        {{"Ti", 40}, {"Gi", 30}, {"Mi", 20}, {"Ki", 10}}};
    for (const auto& [suffix, shift] : suffixes) {
        const auto factor = std::uint64_t{1} << shift;
        if (bytes >= factor && bytes % factor == 0)
            return std::to_string(bytes / factor) + std::string(suffix);
    }
    return std::to_string(bytes);
}

}  // namespace common
