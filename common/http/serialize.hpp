// Heads and chunk framing as HTTP/1.1 bytes.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/http/head.hpp"

namespace common {

// "GET /x HTTP/1.1\r\n…\r\n\r\n". The fields are written as they are, then what `head.body` wants
// (Content-Length or Transfer-Encoding); REQUIRES: the fields carry neither.
void append_request_head(std::string& out, const RequestHead& head);
void append_response_head(std::string& out, const ResponseHead& head);
// Trailer section and the empty line that ends a chunked body.
void append_last_chunk(std::string& out, const Fields& trailers);

// "1a2b\r\n"
class ChunkHeader {
  public:
    explicit ChunkHeader(std::size_t size);
    std::string_view view() const { return {text_.data(), length_}; }

  private:
    std::array<char, 20> text_;
    std::size_t length_;
};

}  // namespace common
