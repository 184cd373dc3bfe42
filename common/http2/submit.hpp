// Our messages as HTTP/2 field blocks, handed to the codec: names in lower case, what HTTP/2 says
// with pseudo fields or frames left out.
#pragma once

#include <cstdint>

#include "common/http/head.hpp"

struct nghttp2_session;

namespace common {

class Http2Stream;

// `data`: whose body follows; null: the head is the whole message. Returns the stream's id, below 0
// if the connection can begin no more.
std::int32_t submit_request(nghttp2_session* codec, const RequestHead& head, Http2Stream& stream,
                            bool has_data);
void submit_response(nghttp2_session* codec, std::int32_t id, const ResponseHead& head,
                     Http2Stream* data);
// 1xx.
void submit_interim(nghttp2_session* codec, std::int32_t id, const ResponseHead& head);
void submit_trailers(nghttp2_session* codec, std::int32_t id, const Fields& trailers);

}  // namespace common
