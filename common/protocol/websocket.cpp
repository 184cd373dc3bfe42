#include "common/protocol/websocket.hpp"

#include <array>

#include "common/crypto/digests.hpp"

namespace common::websocket {
namespace {

// RFC 6455 1.3.
constexpr std::string_view handshake_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t short_max = 125;
constexpr unsigned two_bytes = 126;
constexpr unsigned eight_bytes = 127;

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i)
        out += static_cast<char>(value >> (8 * i) & 0xff);
}

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes)
        value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

bool is_known(unsigned opcode) {
    return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

}  // namespace

std::string accept_of(std::string_view key) {
    std::string text(key);
    text += handshake_suffix;
    return base64_encode(sha1(text));
}

std::string client_frame(Opcode opcode, std::string_view payload, std::uint32_t mask) {
    std::string frame;
    frame.reserve(payload.size() + 14);
    frame += static_cast<char>(0x80 | static_cast<unsigned>(opcode));
    if (payload.size() <= short_max) {
        frame += static_cast<char>(0x80 | payload.size());
    } else if (payload.size() <= 0xffff) {
        frame += static_cast<char>(0x80 | two_bytes);
        append_big_endian(frame, payload.size(), 2);
    } else {
        frame += static_cast<char>(0x80 | eight_bytes);
        append_big_endian(frame, payload.size(), 8);
    }
    append_big_endian(frame, mask, 4);
    const std::array<char, 4> key = {
        static_cast<char>(mask >> 24), static_cast<char>(mask >> 16 & 0xff),
        static_cast<char>(mask >> 8 & 0xff), static_cast<char>(mask & 0xff)};
    for (std::size_t i = 0; i < payload.size(); ++i)
        frame += static_cast<char>(payload[i] ^ key[i % 4]);
    return frame;
}

std::optional<Frame> FrameReader::next() {
    if (failed_ || buffer_.size() < 2) return std::nullopt;
    const auto first = static_cast<unsigned char>(buffer_[0]);
    const auto second = static_cast<unsigned char>(buffer_[1]);
    // Reserved bits need an extension, and servers do not mask (RFC 6455 5.1, 5.2).
    const bool control = (first & 0x08) != 0;
    failed_ = (first & 0x70) != 0 || (second & 0x80) != 0 || !is_known(first & 0x0f) ||
              (control && ((first & 0x80) == 0 || second > short_max));
    if (failed_) return std::nullopt;
    std::size_t head = 2;
    std::uint64_t size = second;
    if (size > short_max) {
        const std::size_t more = size == two_bytes ? 2 : 8;
        if (buffer_.size() < head + more) return std::nullopt;
        size = big_endian(std::string_view(buffer_).substr(head, more));
        head += more;
    }
    failed_ = size > payload_max_;
    if (failed_ || buffer_.size() < head + size) return std::nullopt;
    Frame frame;
    frame.opcode = static_cast<Opcode>(first & 0x0f);
    frame.last = (first & 0x80) != 0;
    frame.payload = buffer_.substr(head, static_cast<std::size_t>(size));
    buffer_.erase(0, head + static_cast<std::size_t>(size));
    return frame;
}

}  // namespace common::websocket
