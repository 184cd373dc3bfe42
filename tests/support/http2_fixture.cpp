#include "tests/support/http2_fixture.hpp"

#include <algorithm>
#include <utility>

namespace common {
namespace http2 {

std::string number(std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes += static_cast<char>(value >> shift & 0xff);
    return bytes;
}

std::string frame(Type type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
    std::string bytes = number(static_cast<std::uint32_t>(payload.size())).substr(1);
    bytes += static_cast<char>(type);
    bytes += static_cast<char>(flags);
    return bytes + number(stream) + std::string(payload);
}

namespace {

std::uint32_t read_number(std::string_view bytes) {
    std::uint32_t value = 0;
    for (const char c : bytes)
        value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
}

}  // namespace

std::vector<Frame> parse(std::string_view bytes) {
    std::vector<Frame> frames;
    if (bytes.starts_with(preface)) bytes.remove_prefix(preface.size());
    while (bytes.size() >= 9) {
        const std::size_t size = read_number(bytes.substr(0, 3));
        Frame next;
        next.type = static_cast<std::uint8_t>(bytes[3]);
        next.flags = static_cast<std::uint8_t>(bytes[4]);
        next.stream = read_number(bytes.substr(5, 4));
        next.payload = bytes.substr(9, size);
        frames.push_back(std::move(next));
        bytes.remove_prefix(9 + size);
    }
    return frames;
}

std::string field(std::string_view name, std::string_view value) {
    const auto text = [](std::string_view s) {
        std::string bytes;
        if (s.size() < 127) {
            bytes += static_cast<char>(s.size());
        } else {
            bytes += static_cast<char>(127);
            std::size_t left = s.size() - 127;
            for (; left >= 128; left /= 128)
                bytes += static_cast<char>(left % 128 + 128);
            bytes += static_cast<char>(left);
        }
        return bytes + std::string(s);
    };
    return std::string(1, '\0') + text(name) + text(value);
}

// Static table: 2 GET, 3 POST, 4 "/", 6 http, 1 :authority.
std::string get_head(std::string_view more) {
    return "\x82\x86\x84\x41\x01h" + std::string(more);
}

std::string post_head(std::string_view more) {
    return "\x83\x86\x84\x41\x01h" + std::string(more);
}

std::size_t count(const std::vector<Frame>& frames, std::uint8_t type) {
    return static_cast<std::size_t>(std::count_if(
        frames.begin(), frames.end(), [type](const Frame& frame) { return frame.type == type; }));
}

Frame find(const std::vector<Frame>& frames, std::uint8_t type) {
    for (const Frame& frame : frames) {
        if (frame.type == type) return frame;
    }
    Frame none;
    none.type = 255;
    return none;
}

std::uint32_t last_number(const Frame& frame) {
    const std::size_t at = frame.type == goaway ? 4 : 0;
    return read_number(std::string_view(frame.payload).substr(at, 4));
}

}  // namespace http2

Http2Fixture::Http2Fixture(ServerConnection::Handler handler)
    : context{time, hangups, {}, std::move(handler)} {}

std::shared_ptr<MemoryPeer> Http2Fixture::connect() {
    MemoryLink link = make_memory_link(io.get_executor());
    tasks.spawn("connection", serve(*this, std::move(link.stream)));
    time.settle();
    return link.peer;
}

std::shared_ptr<MemoryPeer> Http2Fixture::ready() {
    std::shared_ptr<MemoryPeer> client = connect();
    client->send(http2::preface);
    client->send(http2::frame(http2::settings, 0, 0, {}));
    client->send(http2::frame(http2::settings, http2::ack, 0, {}));
    time.settle();
    client->take();
    return client;
}

std::vector<http2::Frame> Http2Fixture::exchange(MemoryPeer& client, std::string_view bytes) {
    client.send(bytes);
    time.settle();
    return http2::parse(client.take());
}

std::shared_ptr<Http2ClientConnection> Http2Fixture::client_of(
    std::shared_ptr<MemoryPeer>& server) {
    MemoryLink link = make_memory_link(io.get_executor(), "127.0.0.1:8080");
    server = link.peer;
    auto client =
        std::make_shared<Http2ClientConnection>(std::move(link.stream), time, Http2Limits{});
    client->start();
    time.settle();
    return client;
}

std::shared_ptr<Http2ClientConnection> Http2Fixture::pair() {
    server_end_ = connect();
    std::shared_ptr<Http2ClientConnection> client = client_of(client_end_);
    settle();
    return client;
}

void Http2Fixture::settle() {
    while (true) {
        time.settle();
        const std::string to_server = client_end_->take();
        const std::string to_client = server_end_->take();
        if (!to_server.empty()) server_end_->send(to_server);
        if (!to_client.empty()) client_end_->send(to_client);
        if (to_server.empty() && to_client.empty()) break;
    }
}

awaitable<void> Http2Fixture::serve(Http2Fixture& self, std::unique_ptr<Stream> stream) {
    Http2Start start;
    start.stream = std::move(stream);
    Http2ServerConnection made(std::move(start), self.context, self.tasks, nullptr);
    self.connection = &made;
    ++self.open;
    co_await made.run();
    --self.open;
    self.connection = nullptr;
}

}  // namespace common
