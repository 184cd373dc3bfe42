#include "common/core/request_log.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace common {

namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_blank(char c) {
    return blanks.find(c) != std::string_view::npos;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_char(char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
}

// Nothing if the path names no field of the entry.
std::optional<std::string> field_text(std::string_view path, const RequestLogEntry& entry) {
    const std::pair<std::string_view, std::string_view> texts[] = {
        {"Request.Method", entry.method},
        {"Request.RequestURI", entry.request_uri},
        {"Request.URL", entry.request_uri},
        {"Request.UserAgent", entry.user_agent},
        {"Request.RemoteAddr", entry.remote_address},
        {"Request.Referer", entry.referer},
        {"Request.Proto", entry.protocol},
        {"Request.Host", entry.host},
        {"Revision.Name", entry.revision_name},
        {"Revision.Namespace", entry.revision_namespace},
        {"Revision.Service", entry.revision_service},
        {"Revision.Configuration", entry.revision_configuration},
        {"Revision.PodName", entry.pod_name},
        {"Revision.PodIP", entry.pod_ip},
        {"TraceID", entry.trace_id},
    };
    for (const auto& [name, value] : texts) {
        if (name == path) return std::string(value);
    }
    if (path == "Request.ContentLength") return std::to_string(entry.content_length);
    if (path == "Response.Code") return std::to_string(entry.code);
    if (path == "Response.Size") return std::to_string(entry.size);
    if (path == "Response.Latency") return format_go_float(entry.latency_seconds);
    return std::nullopt;
}

std::string fallback_line(const RequestLogEntry& entry) {
    return "Invalid request log template: method: " + std::string(entry.method) +
           ", response code: " + std::to_string(entry.code) +
           ", latency: " + format_go_float(entry.latency_seconds) +
           ", url: " + std::string(entry.request_uri) + "\n";
}

void append_code_point(std::uint32_t code, std::string& out) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    out += "\\u";
    if (code > 0xFFFF) out += digits[(code >> 16) & 15];
    for (const unsigned shift : {12U, 8U, 4U, 0U})
        out += digits[(code >> shift) & 15];
}

struct CodePoint {
    std::uint32_t code = 0;
    std::size_t length = 1;
    bool is_valid = false;
};

// The UTF-8 sequence at the start of `text`, whose first byte is not ASCII.
CodePoint decode_utf8(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first >= 0xC2 && first <= 0xDF && tail(1)) {
        return {(first & 0x1FU) << 6 | (byte(1) & 0x3FU), 2, true};
    }
    if (first >= 0xE0 && first <= 0xEF && tail(1) && tail(2)) {
        const unsigned code = (first & 0xFU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
        if (code >= 0x800 && (code < 0xD800 || code > 0xDFFF)) return {code, 3, true};
    }
    if (first >= 0xF0 && first <= 0xF4 && tail(1) && tail(2) && tail(3)) {
        const unsigned code = (first & 7U) << 18 | (byte(1) & 0x3FU) << 12 |
                              (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU);
        if (code >= 0x10000 && code <= 0x10FFFF) return {code, 4, true};
    }
    return {};
}

// The blanks, controls and format characters beyond ASCII that Go's unicode.IsPrint refuses and
// that headers may carry. Unassigned code points, which it refuses too, pass here.
bool is_unprintable(std::uint32_t code) {
    constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 10> ranges = {{{0x80, 0xA0},
                                                                                 {0xAD, 0xAD},
                                                                                 {0x1680, 0x1680},
                                                                                 {0x180E, 0x180E},
                                                                                 {0x2000, 0x200F},
                                                                                 {0x2028, 0x202F},
                                                                                 {0x205F, 0x206F},
                                                                                 {0x3000, 0x3000},
                                                                                 {0xE000, 0xF8FF},
                                                                                 {0xFEFF, 0xFEFF}}};
    for (const auto& [first, last] : ranges) {
        if (code >= first && code <= last) return true;
    }
    return false;
}

}  // namespace

std::string format_go_float(double value) {
    char buffer[64];
    const auto shortest =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    const std::string_view text(buffer, static_cast<std::size_t>(shortest.ptr - buffer));
    const auto e = text.find('e');
    int exponent = 0;
    if (e != std::string_view::npos) {
        const char* digits = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
        std::from_chars(digits, text.data() + text.size(), exponent);
    }
    // Go's %v of a float64 (strconv 'g' with the shortest precision): plain for exponents -4 to 5.
    // C++ writes the exponent form as Go does: sign and at least two digits.
    if (e == std::string_view::npos || exponent < -4 || exponent > 5) return std::string(text);
    const auto plain =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
    return std::string(buffer, plain.ptr);
}

std::string escape_js(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\\' || c == '\'' || c == '"') {
            (out += '\\') += c;
        } else if (c == '<' || c == '>' || c == '&' || c == '=' || byte < 0x20) {
            append_code_point(byte, out);
        } else if (byte < 0x80) {
            out += c;
        } else {
            const CodePoint point = decode_utf8(text.substr(i));
            if (point.is_valid && is_unprintable(point.code)) {
                append_code_point(point.code, out);
            } else {
                out += text.substr(i, point.length);
            }
            i += point.length - 1;
        }
    }
    return out;
}

// Recursive descent over one action's text. Every take_ returns false, with error_ set, at the
// first thing that is not in the subset.
class RequestLogParser {
  public:
    using Piece = RequestLogTemplate::Piece;

    // Reads the whole template.
    bool run(std::string_view text, std::vector<Piece>& pieces) {
        bool trims_next = false;
        while (true) {
            const auto open = text.find("{{");
            std::string literal(text.substr(0, open));
            if (trims_next) literal.erase(0, literal.find_first_not_of(blanks));
            if (open == std::string_view::npos) {
                append_text(std::move(literal), pieces);
                return true;
            }
            text.remove_prefix(open + 2);
            if (text.size() >= 2 && text[0] == '-' && is_blank(text[1])) {
                text.remove_prefix(1);
                const auto last = literal.find_last_not_of(blanks);
                literal.erase(last == std::string::npos ? 0 : last + 1);
            }
            append_text(std::move(literal), pieces);
            rest_ = text;
            Piece piece;
            if (!take_action(piece, trims_next)) return false;
            pieces.push_back(std::move(piece));
            text = rest_;
        }
    }

    const std::string& error() const { return error_; }

  private:
    static void append_text(std::string text, std::vector<Piece>& pieces) {
        if (text.empty()) return;
        Piece piece;
        piece.value = std::move(text);
        pieces.push_back(std::move(piece));
    }

    bool fail(std::string reason) {
        error_ = std::move(reason);
        return false;
    }

    void skip_blanks() {
        while (!rest_.empty() && is_blank(rest_.front()))
            rest_.remove_prefix(1);
    }

    bool take(std::string_view token) {
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }

    // The word `js`, not the start of a longer name.
    bool take_js() {
        if (!rest_.starts_with("js") || (rest_.size() > 2 && is_name_char(rest_[2]))) return false;
        rest_.remove_prefix(2);
        return true;
    }

    // value | js value, then pipes into js, then the end.
    bool take_action(Piece& piece, bool& trims_next) {
        skip_blanks();
        const bool starts_with_js = take_js();
        skip_blanks();
        if (!take_value(piece, starts_with_js)) return false;
        piece.through_js = starts_with_js;
        while (true) {
            const bool had_blank = !rest_.empty() && is_blank(rest_.front());
            skip_blanks();
            if (take("}}")) {
                trims_next = false;
                return true;
            }
            if (had_blank && take("-}}")) {
                trims_next = true;
                return true;
            }
            if (!take("|")) return fail(rest_.empty() ? "unclosed action" : unexpected());
            skip_blanks();
            if (!take_js()) return fail(unexpected());
            // js of js escapes twice; nobody writes it, and Go's result is not worth a loop.
            if (piece.through_js) return fail("js twice in one action");
            piece.through_js = true;
        }
    }

    bool take_value(Piece& piece, bool is_argument) {
        if (rest_.starts_with('"') || rest_.starts_with('`')) return take_string(piece.value);
        if (is_argument && take("(")) {
            skip_blanks();
            if (!take_path(piece, false)) return false;
            skip_blanks();
            return take(")") || fail(unexpected());
        }
        return take_path(piece, is_argument);
    }

    // .Name.Name, and the argument of Header.Get; as an argument of js that needs parentheses.
    bool take_path(Piece& piece, bool is_argument) {
        if (rest_.starts_with("}}")) return fail("missing value for command");
        if (!rest_.starts_with('.')) return fail(unexpected());
        std::string path;
        while (take(".")) {
            if (rest_.empty() || !is_letter(rest_.front())) return fail(unexpected());
            if (!path.empty()) path += '.';
            while (!rest_.empty() && is_name_char(rest_.front())) {
                path += rest_.front();
                rest_.remove_prefix(1);
            }
        }
        if (path == "Request.Header.Get") {
            if (is_argument) return fail("js .Request.Header.Get needs parentheses");
            skip_blanks();
            piece.kind = Piece::Kind::header;
            return take_string(piece.value);
        }
        piece.kind = Piece::Kind::field;
        piece.value = std::move(path);
        return true;
    }

    bool take_string(std::string& out) {
        if (take("`")) {
            const auto end = rest_.find('`');
            if (end == std::string_view::npos) return fail("unterminated raw string");
            out = rest_.substr(0, end);
            rest_.remove_prefix(end + 1);
            return true;
        }
        if (!take("\"")) return fail(unexpected());
        while (!rest_.empty() && rest_.front() != '"' && rest_.front() != '\n') {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '\\') {
                constexpr std::string_view letters = "nrt\\\"";
                constexpr std::string_view meanings = "\n\r\t\\\"";
                const auto at =
                    rest_.empty() ? std::string_view::npos : letters.find(rest_.front());
                if (at == std::string_view::npos) return fail("unknown escape in a string");
                rest_.remove_prefix(1);
                c = meanings[at];
            }
            out += c;
        }
        return take("\"") || fail("unterminated string");
    }

    std::string unexpected() const {
        if (rest_.empty()) return "unclosed action";
        return "unexpected \"" + std::string(rest_.substr(0, 20)) + "\"";
    }

    std::string_view rest_;
    std::string error_;
};

std::optional<RequestLogTemplate> RequestLogTemplate::parse(std::string_view text,
                                                            std::string& error) {
    std::string line(text);
    if (!line.ends_with('\n')) line += '\n';
    RequestLogTemplate result;
    RequestLogParser parser;
    if (parser.run(line, result.pieces_)) return result;
    error = parser.error();
    return std::nullopt;
}

std::string RequestLogTemplate::render(const RequestLogEntry& entry) const {
    std::string line;
    for (const Piece& piece : pieces_) {
        std::string value;
        switch (piece.kind) {
            case Piece::Kind::text:
                value = piece.value;
                break;
            case Piece::Kind::header:
                if (entry.header) value = entry.header(piece.value);
                break;
            case Piece::Kind::field: {
                auto text = field_text(piece.value, entry);
                if (!text) return fallback_line(entry);
                value = std::move(*text);
                break;
            }
        }
        line += piece.through_js ? escape_js(value) : value;
    }
    return line;
}

}  // namespace common
