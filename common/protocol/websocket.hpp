// A WebSocket client's bytes (RFC 6455), without any I/O: the handshake's keys, frames out (masked)
// and frames in. No extensions, no subprotocols.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace common::websocket {

enum class Opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
};

// What the server has to answer in Sec-WebSocket-Accept to this Sec-WebSocket-Key.
std::string accept_of(std::string_view key);

// One whole message in one frame. `mask` is to be unpredictable (RFC 6455 10.3).
std::string client_frame(Opcode opcode, std::string_view payload, std::uint32_t mask);

struct Frame {
    Opcode opcode = Opcode::binary;
    bool last = true;  // of its message
    std::string payload;
};

// Takes a server's frames apart.
class FrameReader {
  public:
    // Frames with a longer payload are an error: nobody who talks to us sends such.
    explicit FrameReader(std::size_t payload_max) : payload_max_(payload_max) {}

    void feed(std::string_view bytes) { buffer_ += bytes; }
    // The next whole frame; nothing: more bytes are needed, or the server broke the rules.
    std::optional<Frame> next();
    bool failed() const { return failed_; }

  private:
    std::size_t payload_max_;
    std::string buffer_;
    bool failed_ = false;
};

}  // namespace common::websocket
