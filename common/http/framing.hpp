// Is it unambiguous where this request ends? Two servers in a row that disagree about that can be
// made to see a request that was never sent (request smuggling), so a relay refuses every doubtful
// form itself. Beast 1.81 lets several pass (design notes: `Transfer-Encoding: xchunked`, `chunked,
// gzip`, no or two Host, …).
#pragma once

#include "common/http/head.hpp"
#include "common/http/message_parser.hpp"

namespace common {

// Judges a parsed head. `none`: unambiguous, and the body is chunked exactly if the
// fields say so.
ParseError check_request_framing(const RequestHead& head);
ParseError check_response_framing(const ResponseHead& head);

}  // namespace common
