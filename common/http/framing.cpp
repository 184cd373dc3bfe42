#include "common/http/framing.hpp"

namespace common {
namespace {

// Exactly one Transfer-Encoding field, exactly "chunked" (RFC 9112 6.1; other codings are not ours
// to undo).
ParseError check_transfer_encoding(const Fields& fields, int version) {
    const std::size_t count = fields.count("Transfer-Encoding");
    if (count == 0) return ParseError::none;
    if (count > 1 || version < 11) return ParseError::bad_message;
    if (!equal_ignoring_case(fields.get("Transfer-Encoding"), "chunked"))
        return ParseError::unsupported_transfer;
    if (fields.has("Content-Length")) return ParseError::bad_message;
    return ParseError::none;
}

// One value, digits only; equal duplicates ("5, 5") could be collapsed, but nobody sends them in
// good faith.
ParseError check_content_length(const Fields& fields) {
    if (!fields.has("Content-Length")) return ParseError::none;
    const std::string_view first = fields.get("Content-Length");
    if (first.empty() || first.find_first_not_of("0123456789") != std::string_view::npos)
        return ParseError::bad_message;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const Fields::Field field = fields[i];
        if (equal_ignoring_case(field.name, "Content-Length") && field.value != first)
            return ParseError::bad_message;
    }
    return ParseError::none;
}

bool is_host(std::string_view text) {
    return text.find_first_of(" \t,/\\?#@") == std::string_view::npos;
}

// RFC 9112 3.2: a path, "*", a host for CONNECT, or "scheme://host…". Of anything else, one server
// takes for the path what the next one takes for something else ("x?://host/path").
ParseError check_target(const RequestHead& head) {
    const std::string_view target = head.target;
    if (target.starts_with('/') || target == "*" || head.method == "CONNECT")
        return ParseError::none;
    const std::size_t scheme = target.find("://");
    if (scheme == 0 || scheme == std::string_view::npos) return ParseError::bad_message;
    constexpr std::string_view letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    if (target.find_first_not_of(letters) != scheme) return ParseError::bad_message;
    const std::string_view rest = target.substr(scheme + 3);
    const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
    return !host.empty() && is_host(host) ? ParseError::none : ParseError::bad_message;
}

// RFC 9112 3.2: exactly one Host in 1.1, at most one in 1.0. A value with blanks, a comma, or a
// slash is none.
ParseError check_host(const RequestHead& head) {
    const std::size_t count = head.fields.count("Host");
    if (count > 1 || (count == 0 && head.version >= 11)) return ParseError::bad_message;
    return is_host(head.fields.get("Host")) ? ParseError::none : ParseError::bad_message;
}

ParseError first_of(ParseError a, ParseError b) {
    return a != ParseError::none ? a : b;
}

}  // namespace

ParseError check_request_framing(const RequestHead& head) {
    const ParseError body = first_of(check_transfer_encoding(head.fields, head.version),
                                     check_content_length(head.fields));
    return first_of(body, first_of(check_target(head), check_host(head)));
}

ParseError check_response_framing(const ResponseHead& head) {
    if (head.status < 100) return ParseError::bad_message;  // "003" would go on as "3"
    return first_of(check_transfer_encoding(head.fields, head.version),
                    check_content_length(head.fields));
}

}  // namespace common
