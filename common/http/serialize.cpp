#include "common/http/serialize.hpp"

#include <algorithm>
#include <charconv>

namespace common {
namespace {

void append_number(std::string& out, std::uint64_t value) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

// Room for all of them first: a head is written for each message.
void append_fields(std::string& out, const Fields& fields) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < fields.size(); ++i)
        bytes += fields[i].name.size() + fields[i].value.size() + 4;
    const std::size_t before = out.size();
    out.resize(before + bytes);
    char* to = out.data() + before;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const Fields::Field field = fields[i];
        to = std::copy(field.name.begin(), field.name.end(), to);
        *to++ = ':';
        *to++ = ' ';
        to = std::copy(field.value.begin(), field.value.end(), to);
        *to++ = '\r';
        *to++ = '\n';
    }
}

void append_framing(std::string& out, const Framing& body) {
    if (body.kind == BodyKind::length) {
        out += "Content-Length: ";
        append_number(out, body.length);
        out += "\r\n";
    } else if (body.kind == BodyKind::chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    }
}

}  // namespace

void append_request_head(std::string& out, const RequestHead& head) {
    out += head.method;
    out += ' ';
    out += head.target;
    out += " HTTP/1.1\r\n";
    append_fields(out, head.fields);
    append_framing(out, head.body);
    out += "\r\n";
}

void append_response_head(std::string& out, const ResponseHead& head) {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(head.status));
    out += ' ';
    out += head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason);
    out += "\r\n";
    append_fields(out, head.fields);
    append_framing(out, head.body);
    out += "\r\n";
}

void append_last_chunk(std::string& out, const Fields& trailers) {
    out += "0\r\n";
    append_fields(out, trailers);
    out += "\r\n";
}

ChunkHeader::ChunkHeader(std::size_t size) {
    char* end = std::to_chars(text_.data(), text_.data() + 16, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    length_ = static_cast<std::size_t>(end - text_.data());
}

}  // namespace common
