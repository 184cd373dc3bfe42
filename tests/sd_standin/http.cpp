// See the header. Formatting is by hand: this program also sends responses no library would.
#include "tests/sd_standin/http.hpp"

#include <algorithm>
#include <charconv>

namespace standin {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16).ptr == &text[i + 1] + 2) {
            out.push_back(static_cast<char>(value));
            i += 2;
        } else {
            out.push_back(text[i] == '+' ? ' ' : text[i]);
        }
    }
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

}  // namespace

std::optional<std::string> Request::header(std::string_view name) const {
    for (const Header& header : headers) {
        if (same_name(header.name, name)) return header.value;
    }
    return std::nullopt;
}

std::optional<std::string> Request::query(std::string_view name) const {
    std::string_view rest = target;
    const std::size_t mark = rest.find('?');
    if (mark == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(mark + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::size_t equals = pair.find('=');
        if (pair.substr(0, equals) != name) continue;
        return equals == std::string_view::npos ? "" : percent_decoded(pair.substr(equals + 1));
    }
    return std::nullopt;
}

std::vector<Header> split_headers(std::string_view raw_head) {
    std::vector<Header> headers;
    bool is_first = true;
    while (!raw_head.empty()) {
        const std::string_view line = raw_head.substr(0, raw_head.find("\r\n"));
        raw_head.remove_prefix(std::min(raw_head.size(), line.size() + 2));
        const std::size_t colon = line.find(':');
        if (!is_first && colon != std::string_view::npos) {
            headers.push_back(
                {std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))});
        }
        is_first = is_first && line.empty();  // empty lines may precede the request line
    }
    return headers;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 204:
            return "No Content";
        case 304:
            return "Not Modified";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 413:
            return "Content Too Large";
        case 422:
            return "Unprocessable Content";
        case 426:
            return "Upgrade Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return "Status";
    }
}

std::string format_response(const Response& response, const Request& request, bool keep_alive) {
    const bool bodiless = response.status == 204 || response.status == 304;
    std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
    out += reason_phrase(response.status);
    out += "\r\nserver: sd-standin\r\n";
    if (!bodiless) {
        out += "content-type: " + response.content_type + "\r\n";
        out += "content-length: " + std::to_string(response.body.size()) + "\r\n";
    }
    for (const Header& header : response.headers) {
        out += header.name + ": " + header.value + "\r\n";
    }
    if (!keep_alive) {
        out += "connection: close\r\n";
    } else if (request.is_http_10) {
        out += "connection: keep-alive\r\n";
    }
    out += "\r\n";
    if (!bodiless && request.method != "HEAD") out += response.body;
    return out;
}

std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t low,
                                         std::int64_t high) {
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end || value < low || value > high) {
        return std::nullopt;
    }
    return value;
}

}  // namespace standin
