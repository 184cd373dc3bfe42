#include "common/core/path_pattern.hpp"

#include <algorithm>

namespace common {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

bool matches(const PathPattern& pattern, std::string_view method, std::string_view path) {
    if (!pattern.method.empty() && pattern.method != method) return false;
    return pattern.prefix ? path.starts_with(pattern.path) : path == pattern.path;
}

bool matches_any(std::span<const PathPattern> patterns, std::string_view method,
                 std::string_view path) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const PathPattern& pattern) { return matches(pattern, method, path); });
}

// Cheap test for "decoding or resolving changes something that a pattern could see". Percent
// escapes in general are common in file names ("/file=a%20b"); only an escaped '/', '.', or '%'
// (a second decoding) makes a second reading of where the path leads.
bool has_second_reading(std::string_view path) {
    if (path.find("//") != std::string_view::npos) return true;
    for (const std::string_view dots : {"/./", "/../"})
        if (path.find(dots) != std::string_view::npos) return true;
    if (path.ends_with("/.") || path.ends_with("/..")) return true;
    for (auto at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
        const auto code = path.substr(at, 3);
        if (code.size() < 3 || hex_digit(code[1]) < 0 || hex_digit(code[2]) < 0) return true;
        const int byte = hex_digit(code[1]) * 16 + hex_digit(code[2]);
        if (byte == '/' || byte == '.' || byte == '%' || byte == '\\') return true;
    }
    return path.find('\\') != std::string_view::npos;
}

}  // namespace

std::optional<PathPattern> parse_path_pattern(std::string_view text) {
    PathPattern pattern;
    if (const auto space = text.find(' '); space != std::string_view::npos) {
        pattern.method = text.substr(0, space);
        text.remove_prefix(space + 1);
        const bool good = !pattern.method.empty() &&
                          std::all_of(pattern.method.begin(), pattern.method.end(), [](char c) {
                              return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
                          });
        if (!good) return std::nullopt;
    }
    if (text.ends_with('*')) {
        pattern.prefix = true;
        text.remove_suffix(1);
    }
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7f'; });
    if (!text.starts_with('/') || !printable) return std::nullopt;
    if (text.find_first_of("*?#,") != std::string_view::npos) return std::nullopt;
    pattern.path = text;
    return pattern;
}

std::string format_path_pattern(const PathPattern& pattern) {
    std::string text = pattern.method;
    if (!text.empty()) text += ' ';
    text += pattern.path;
    if (pattern.prefix) text += '*';
    return text;
}

std::string_view path_of_target(std::string_view target) {
    std::string_view path = target.substr(0, target.find_first_of("?#"));
    // "http://host/path" (RFC 9112 3.2.2): the application is sent the path alone.
    const auto scheme = path.find("://");
    if (path.starts_with('/') || scheme == std::string_view::npos) return path;
    path.remove_prefix(scheme + 3);
    const auto slash = path.find('/');
    return slash == std::string_view::npos ? "/" : path.substr(slash);
}

std::string canonical_path(std::string_view path) {
    const auto decoded = percent_decoded(path);
    std::vector<std::string_view> segments;
    const std::string_view text = decoded;
    std::size_t at = 0;
    bool ends_open = false;  // the path ends in '/' (or a dot segment): the last segment is empty
    while (at < text.size()) {
        const auto slash = std::min(text.find('/', at), text.size());
        const auto segment = text.substr(at, slash - at);
        ends_open = slash < text.size() || segment == "." || segment == "..";
        if (segment == "..") {
            if (!segments.empty()) segments.pop_back();
        } else if (!segment.empty() && segment != ".") {
            segments.push_back(segment);
        }
        at = slash + 1;
    }
    std::string out;
    for (const auto segment : segments)
        (out += '/') += segment;
    if (out.empty() || ends_open) out += '/';
    return out;
}

bool is_listed_control(std::span<const PathPattern> patterns, std::string_view method,
                       std::string_view target) {
    const auto path = path_of_target(target);
    return matches_any(patterns, method, path) && !has_second_reading(path);
}

bool is_listed_denied(std::span<const PathPattern> patterns, std::string_view method,
                      std::string_view target) {
    if (patterns.empty()) return false;
    const auto path = path_of_target(target);
    return matches_any(patterns, method, path) ||
           matches_any(patterns, method, canonical_path(path));
}

}  // namespace common
