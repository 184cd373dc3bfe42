// Bytes in, message out: Beast's parser without any I/O. It is strict where a relay must be:
// framing that two servers could read differently is an error (see framing.hpp), and so is a folded
// header line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "common/http/head.hpp"

namespace common {

enum class ParseError : std::uint8_t {
    none,
    bad_message,           // 400
    header_too_large,      // 431
    target_too_long,       // 414
    bad_version,           // 505
    unsupported_transfer,  // 501: a transfer coding that we do not know
    truncated              // the connection ended inside the message
};

struct ParserLimits {
    // Start line and fields together (contract queue-proxy.md 2: 1 MiB + 4 KiB).
    std::uint32_t header_bytes_max = (1U << 20) + 4096;
    std::size_t field_count_max = 1000;
    // Bytes of a request's target; 0: none but the head's own.
    std::size_t target_bytes_max = 0;
};

// Parses one message after the other; begin_*() starts the next.
class MessageParser {
  public:
    enum class Phase : std::uint8_t { head, body, done };
    struct Step {
        std::size_t consumed = 0;
        ParseError error = ParseError::none;
        // Body bytes found in the input, in order; views into the input, valid as long as it is.
        std::span<const std::string_view> body;
    };

    explicit MessageParser(const ParserLimits& limits);
    ~MessageParser();
    MessageParser(MessageParser&&) noexcept;

    // `head` is filled while parsing and must outlive it.
    void begin_request(RequestHead& head);
    // `to_head_request`: the answer to HEAD, which has no body whatever its fields say.
    void begin_response(ResponseHead& head, bool to_head_request);

    // Parses from the front of `input`. In phase `head` it stops after the head. A step that
    // consumes nothing, finds nothing and has no error wants more input. REQUIRES: input is not
    // empty, phase is not done.
    Step parse(std::string_view input);
    // The peer ended its side. Error `truncated` unless the message may end so.
    ParseError parse_end();

    Phase phase() const;
    // Trailer fields, once done (chunked messages only).
    const Fields& trailers() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace common
