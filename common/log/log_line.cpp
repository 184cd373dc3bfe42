#include "common/log/log_line.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "common/core/utf8.hpp"

namespace common {
namespace {

constexpr std::string_view ellipsis = "\xE2\x80\xA6";
// The end of a line that could not take everything: `,"cut":true}` and the line's end.
constexpr std::size_t end_bytes = 16;

constexpr std::string_view severity(LogLevel level) {
    // Names of Knative's process log (contract queue-proxy.md 8.3).
    switch (level) {
        case LogLevel::debug:
            return "DEBUG";
        case LogLevel::info:
            return "INFO";
        case LogLevel::warning:
            return "WARNING";
        case LogLevel::error:
            return "ERROR";
    }
    return "ERROR";
}

// The bytes that stand for the character of `length` bytes (0: none) at the front of `text`.
void append_escaped_character(std::string& out, std::string_view text, std::size_t length) {
    constexpr char hex[] = "0123456789abcdef";
    const char c = text.front();
    if (length == 0) {
        out += replacement_character;
    } else if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
    } else if (c == '\n') {
        out += "\\n";
    } else if (c == '\t') {
        out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
        out += "\\u00";
        out += hex[static_cast<unsigned char>(c) >> 4];
        out += hex[static_cast<unsigned char>(c) & 15];
    } else {
        out.append(text.substr(0, length));
    }
}

void append_text(std::string& out, std::string_view text, bool quote) {
    if (quote) out += '"';
    if (!append_json_escaped(out, text, log_text_bytes_max)) out += ellipsis;
    if (quote) out += '"';
}

void append_value(std::string& out, const LogField& field, bool quote_always) {
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        const bool quote =
            quote_always || text->empty() || text->find_first_of(" \"=") != std::string_view::npos;
        append_text(out, *text, quote);
    } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
        out += std::to_string(*integer);
    } else if (const auto* number = std::get_if<double>(&field.value)) {
        append_json_number(out, *number);
    } else {
        out += std::get<bool>(field.value) ? "true" : "false";
    }
}

std::string json_line(const LogConfig& config, const LogEvent& event) {
    std::string line = "{\"severity\":\"";
    line += severity(event.level);
    line += '"';
    bool cut = false;
    std::string member;
    const auto add = [&](const LogField& field) {
        member = ",\"";
        member += field.key;
        member += "\":";
        append_value(member, field, true);
        if (line.size() + member.size() + end_bytes > log_line_bytes_max) {
            cut = true;
        } else {
            line += member;
        }
    };
    add({"timestamp", rfc3339(event.unix_nanoseconds)});
    add({"logger", config.program});
    add({"event", event.event});
    add({"message", event.message});
    if (!config.pod.empty()) add({"pod", config.pod});
    for (const auto& [key, text] : config.fields)
        add({key, text});
    for (const LogField& field : event.fields)
        add(field);
    line += cut ? ",\"cut\":true}" : "}";
    return line;
}

std::string text_line(const LogEvent& event) {
    std::string line = rfc3339(event.unix_nanoseconds).substr(11, 12);
    line += ' ';
    line += severity(event.level);
    line += " [";
    line += event.event;
    line += "] ";
    append_text(line, event.message, false);
    std::string member;
    for (const LogField& field : event.fields) {
        member = ' ';
        member += field.key;
        member += '=';
        append_value(member, field, false);
        if (line.size() + member.size() + end_bytes > log_line_bytes_max) {
            line += " cut=true";
            break;
        }
        line += member;
    }
    return line;
}

}  // namespace

std::string log_line(const LogConfig& config, const LogEvent& event) {
    return config.format == LogFormat::json ? json_line(config, event) : text_line(event);
}

bool append_json_escaped(std::string& out, std::string_view text, std::size_t bytes_max) {
    const std::size_t begin = out.size();
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::size_t before = out.size();
        append_escaped_character(out, text, length);
        if (out.size() - begin > bytes_max) {
            out.resize(before);
            return false;
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return true;
}

void append_json_number(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

std::string rfc3339(std::int64_t unix_nanoseconds) {
    std::int64_t seconds = unix_nanoseconds / 1'000'000'000;
    std::int64_t micros = unix_nanoseconds % 1'000'000'000 / 1000;
    if (micros < 0) {
        micros += 1'000'000;
        --seconds;
    }
    const std::time_t t = static_cast<std::time_t>(seconds);
    std::tm parts{};
    gmtime_r(&t, &parts);
    std::array<char, 40> text{};
    const std::size_t n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%06dZ", static_cast<int>(micros));
    return std::string(text.data(), n) + fraction.data();
}

}  // namespace common
