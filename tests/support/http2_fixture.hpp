// HTTP/2 over memory streams: frames by hand against our server or our client, and both ends of
// ours with each other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/http2/client_connection.hpp"
#include "common/http2/server_connection.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/shell_fixture.hpp"

namespace common {

namespace http2 {

enum Type : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9
};
constexpr std::uint8_t end_stream = 1;
constexpr std::uint8_t ack = 1;
constexpr std::uint8_t end_headers = 4;

struct Frame {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string payload;
};

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
std::string number(std::uint32_t value);  // four bytes
std::string frame(Type type, std::uint8_t flags, std::uint32_t stream, std::string_view payload);
// The frames of `bytes`; a preface in front is skipped.
std::vector<Frame> parse(std::string_view bytes);
// HPACK: a field that is not indexed.
std::string field(std::string_view name, std::string_view value);
// GET / or POST / on http://h.
std::string get_head(std::string_view more = {});
std::string post_head(std::string_view more = {});
std::size_t count(const std::vector<Frame>& frames, std::uint8_t type);
// The first frame of that type; an empty one of type 255 if there is none.
Frame find(const std::vector<Frame>& frames, std::uint8_t type);
// Big-endian, at the end of the payload of RST_STREAM and (of eight bytes) GOAWAY.
std::uint32_t last_number(const Frame& frame);

}  // namespace http2

class Http2Fixture : public ShellFixture {
  public:
    explicit Http2Fixture(ServerConnection::Handler handler);

    // A client of our server that has sent nothing yet.
    std::shared_ptr<MemoryPeer> connect();
    // The same, and it has shaken hands.
    std::shared_ptr<MemoryPeer> ready();
    // Sends and lets everything happen; returns the frames that came back.
    std::vector<http2::Frame> exchange(MemoryPeer& client, std::string_view bytes);
    // Our client with our server at its other end.
    std::shared_ptr<Http2ClientConnection> pair();
    // Our client with the test at its other end.
    std::shared_ptr<Http2ClientConnection> client_of(std::shared_ptr<MemoryPeer>& server);
    // Carries bytes between both ends of pair() until nothing moves.
    void settle();

    ServerConnection::Context context;
    Http2ServerConnection* connection = nullptr;  // made last, while it lives
    std::size_t open = 0;

  private:
    static awaitable<void> serve(Http2Fixture& self, std::unique_ptr<Stream> stream);

    std::shared_ptr<MemoryPeer> server_end_;
    std::shared_ptr<MemoryPeer> client_end_;
};

}  // namespace common
