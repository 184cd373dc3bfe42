// A second reader of HTTP/1.1 messages, written from RFC 9112's grammar alone and sharing no code
// with the product's parser: what that one accepts must be a message here too, and end at the same
// byte with the same body. It refuses all that some server is known to read in another way, so it
// needs no cleverness and has none.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

struct StrictMessage {
    std::string start_line;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    std::vector<std::pair<std::string, std::string>> trailers;
    std::size_t size = 0;  // bytes of the whole message
};

// The request at the start of `bytes`. Nothing: it is not complete, or means more than one thing.
std::optional<StrictMessage> read_strict_request(std::string_view bytes);

}  // namespace fuzz
