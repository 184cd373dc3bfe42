// Feeds bytes to the product's parser as a connection does, in pieces of any size, and writes down
// what came out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/message_parser.hpp"

namespace fuzz {

using Field = std::pair<std::string, std::string>;

struct ReadMessage {
    common::RequestHead request;
    common::ResponseHead response;
    std::string body;
    common::Fields trailers;
    std::size_t end = 0;  // of the message, in bytes from the start of the input
};

struct Transcript {
    std::vector<ReadMessage> messages;                    // the complete ones
    common::ParseError error = common::ParseError::none;  // what ended it; `truncated` at the end
};

// The limits of these runs: small, so that the fuzzer reaches them.
common::ParserLimits small_limits();

// `next_size` says how many bytes come next (0 counts as 1). `to_head`: responses to HEAD.
Transcript read_messages(std::string_view bytes, bool requests, bool to_head,
                         const std::function<std::size_t()>& next_size);

std::vector<Field> list_of(const common::Fields& fields);
// Equal messages, and behind them in both the end or something that is no message.
void require_same(const Transcript& a, const Transcript& b, bool requests);

}  // namespace fuzz
