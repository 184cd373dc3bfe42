#include "tests/fuzz/strict_http.hpp"

#include <algorithm>
#include <cctype>

namespace fuzz {
namespace {

using FieldList = std::vector<std::pair<std::string, std::string>>;

// RFC 9110 5.6.2.
bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || marks.find(c) != marks.npos;
    });
}

bool is_value_char(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7F);
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

// Takes one line with its CRLF. A CR or LF anywhere else in it makes it none.
std::optional<std::string_view> take_line(std::string_view& bytes) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos || end == 0 || bytes[end - 1] != '\r') return std::nullopt;
    const std::string_view line = bytes.substr(0, end - 1);
    if (line.find('\r') != std::string_view::npos) return std::nullopt;
    bytes.remove_prefix(end + 1);
    return line;
}

// Field lines up to and including the empty one.
bool take_fields(std::string_view& bytes, FieldList& fields) {
    while (true) {
        const auto line = take_line(bytes);
        if (!line) return false;
        if (line->empty()) return true;
        const std::size_t colon = line->find(':');
        if (colon == std::string_view::npos || !is_token(line->substr(0, colon))) return false;
        std::string_view value = line->substr(colon + 1);
        if (!std::all_of(value.begin(), value.end(), is_value_char)) return false;
        const std::size_t first = std::min(value.find_first_not_of(" \t"), value.size());
        value.remove_prefix(first);
        value = value.substr(0, value.find_last_not_of(" \t") + 1);
        fields.emplace_back(line->substr(0, colon), value);
    }
}

bool is_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || last <= first + 1) return false;
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    return is_token(line.substr(0, first)) && (version == "HTTP/1.1" || version == "HTTP/1.0") &&
           std::all_of(target.begin(), target.end(), [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte > 0x20 && byte != 0x7F;
           });
}

std::vector<std::string> values_of(const FieldList& fields, std::string_view name) {
    std::vector<std::string> values;
    for (const auto& [n, value] : fields)
        if (lower(n) == name) values.push_back(value);
    return values;
}

bool take_chunked(std::string_view& bytes, StrictMessage& message) {
    while (true) {
        const auto line = take_line(bytes);
        if (!line) return false;
        std::size_t digits = 0;
        std::size_t size = 0;
        while (digits < line->size() &&
               std::isxdigit(static_cast<unsigned char>((*line)[digits])) != 0) {
            if (size >> 56 != 0) return false;
            const char c = lower(line->substr(digits, 1))[0];
            size = size * 16 + static_cast<std::size_t>(c <= '9' ? c - '0' : c - 'a' + 10);
            ++digits;
        }
        // An extension begins with ';', blanks before it allowed; nothing else may follow the size.
        const std::string_view rest = line->substr(digits);
        const std::size_t extension = rest.find_first_not_of(" \t");
        const bool good_end =
            rest.empty() || (extension != std::string_view::npos && rest[extension] == ';');
        if (digits == 0 || !good_end || !std::all_of(rest.begin(), rest.end(), is_value_char))
            return false;
        if (size == 0) return take_fields(bytes, message.trailers);
        if (bytes.size() < size || bytes.size() - size < 2 || bytes.substr(size, 2) != "\r\n")
            return false;
        message.body += bytes.substr(0, size);
        bytes.remove_prefix(size + 2);
    }
}

bool take_length(std::string_view& bytes, const std::vector<std::string>& lengths,
                 StrictMessage& message) {
    const std::string& text = lengths.front();
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return false;
    if (std::any_of(lengths.begin(), lengths.end(), [&](auto& other) { return other != text; }))
        return false;
    const std::size_t first = std::min(text.find_first_not_of('0'), text.size() - 1);
    if (text.size() - first > 18) return false;
    const std::size_t length = std::stoull(text);
    if (bytes.size() < length) return false;
    message.body = bytes.substr(0, length);
    bytes.remove_prefix(length);
    return true;
}

}  // namespace

std::optional<StrictMessage> read_strict_request(std::string_view bytes) {
    StrictMessage message;
    std::string_view rest = bytes;
    const auto line = take_line(rest);
    if (!line || !is_request_line(*line)) return std::nullopt;
    message.start_line = *line;
    if (!take_fields(rest, message.fields)) return std::nullopt;
    const auto codings = values_of(message.fields, "transfer-encoding");
    const auto lengths = values_of(message.fields, "content-length");
    const std::size_t hosts = values_of(message.fields, "host").size();
    if (hosts > 1 || (hosts == 0 && line->ends_with('1'))) return std::nullopt;
    if (!codings.empty()) {
        const bool alone = codings.size() == 1 && lengths.empty() && line->ends_with('1');
        if (!alone || lower(codings.front()) != "chunked") return std::nullopt;
        if (!take_chunked(rest, message)) return std::nullopt;
    } else if (!lengths.empty() && !take_length(rest, lengths, message)) {
        return std::nullopt;
    }
    message.size = bytes.size() - rest.size();
    return message;
}

}  // namespace fuzz
