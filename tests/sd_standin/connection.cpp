// The only user of Beast's HTTP parser. Sockets are plain descriptors with a four-line stream.
#include "tests/sd_standin/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

namespace standin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t largest_head = std::size_t{64} << 10;
constexpr std::size_t read_size = std::size_t{32} << 10;
constexpr auto linger_time = std::chrono::seconds(2);

// What Beast calls a SyncReadStream.
struct DescriptorStream {
    int descriptor;

    template <class Buffers>
    std::size_t read_some(const Buffers& buffers, error_code& error) {
        const asio::mutable_buffer first = *asio::buffer_sequence_begin(buffers);
        ssize_t n = 0;
        do {
            n = recv(descriptor, first.data(), first.size(), 0);
        } while (n < 0 && errno == EINTR);
        error = n > 0    ? error_code()
                : n == 0 ? error_code(asio::error::eof)
                         : error_code(errno, boost::system::system_category());
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    template <class Buffers>
    std::size_t read_some(const Buffers& buffers) {
        error_code error;
        const std::size_t n = read_some(buffers, error);
        if (error) throw boost::system::system_error(error);
        return n;
    }
};

std::string_view text_of(const beast::flat_buffer& buffer) {
    return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

bool wait_readable(int descriptor, std::int64_t seconds) {
    pollfd item{descriptor, POLLIN, 0};
    const int timeout =
        seconds == 0 ? -1 : static_cast<int>(std::min<std::int64_t>(seconds * 1000, 2'000'000'000));
    int n = 0;
    do {
        n = poll(&item, 1, timeout);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

}  // namespace

struct Connection::Parts {
    DescriptorStream stream;
    beast::flat_buffer buffer;
    std::optional<http::request_parser<http::buffer_body>> parser;
};

Connection::Connection(int descriptor) : parts_(std::make_unique<Parts>()) {
    parts_->stream.descriptor = descriptor;
}

Connection::~Connection() {
    if (parts_->stream.descriptor >= 0) close(parts_->stream.descriptor);
}

Connection::Head Connection::read_head(Request& request, std::int64_t idle_seconds) {
    Parts& parts = *parts_;
    if (parts.buffer.size() == 0 && !wait_readable(parts.stream.descriptor, idle_seconds)) {
        return Head::closed;
    }
    std::size_t end = text_of(parts.buffer).find("\r\n\r\n");
    error_code error;
    while (end == std::string_view::npos) {
        if (parts.buffer.size() > largest_head) return Head::too_large;
        const std::size_t n = parts.stream.read_some(parts.buffer.prepare(read_size), error);
        if (error) return Head::closed;
        parts.buffer.commit(n);
        end = text_of(parts.buffer).find("\r\n\r\n");
    }
    request = Request();
    request.raw_head = text_of(parts.buffer).substr(0, end + 4);
    parts.parser.emplace();
    parts.parser->header_limit(largest_head + read_size);
    parts.parser->body_limit(boost::none);
    http::read_header(parts.stream, parts.buffer, *parts.parser, error);
    if (error) return Head::malformed;
    const auto& head = parts.parser->get();
    request.method = head.method_string();
    request.target = head.target();
    request.path = request.target.substr(0, request.target.find('?'));
    request.headers = split_headers(request.raw_head);
    request.is_http_10 = head.version() < 11;
    request.has_body = !parts.parser->is_done();
    // Beast takes unknown codings for "no body", which would leave the body in the stream.
    const auto coding = request.header("Transfer-Encoding");
    if (coding && !parts.parser->chunked()) return Head::unknown_coding;
    return Head::complete;
}

bool Connection::body_remains() const {
    return parts_->parser && !parts_->parser->is_done();
}

std::uint64_t Connection::declared_length() const {
    return parts_->parser->content_length().value_or(0);
}

bool Connection::read_body(const std::function<bool(std::string_view)>& piece) {
    Parts& parts = *parts_;
    if (body_remains() && parts.buffer.size() == 0) {
        const auto expectation = parts.parser->get()[http::field::expect];
        if (beast::iequals(expectation, "100-continue") && !send("HTTP/1.1 100 Continue\r\n\r\n")) {
            return false;
        }
    }
    std::array<char, read_size> room;
    while (body_remains()) {
        auto& body = parts.parser->get().body();
        body.data = room.data();
        body.size = room.size();
        error_code error;
        http::read(parts.stream, parts.buffer, *parts.parser, error);
        if (error && error != http::error::need_buffer) return false;
        const std::size_t n = room.size() - parts.parser->get().body().size;
        if (n > 0 && !piece({room.data(), n})) return false;
    }
    return true;
}

bool Connection::may_persist() const {
    return parts_->parser->get().keep_alive();
}

bool Connection::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n =
            ::send(parts_->stream.descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool Connection::client_left() const {
    pollfd item{parts_->stream.descriptor, POLLRDHUP, 0};
    return poll(&item, 1, 0) > 0 && (item.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Connection::linger() {
    const int descriptor = parts_->stream.descriptor;
    shutdown(descriptor, SHUT_WR);
    const auto end = std::chrono::steady_clock::now() + linger_time;
    std::array<char, read_size> room;
    pollfd item{descriptor, POLLIN, 0};
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (left.count() <= 0 || poll(&item, 1, static_cast<int>(left.count())) <= 0) return;
        if (recv(descriptor, room.data(), room.size(), 0) <= 0) return;
    }
}

std::string Connection::take_rest() {
    std::string rest(text_of(parts_->buffer));
    parts_->buffer.clear();
    return rest;
}

int Connection::release() {
    return std::exchange(parts_->stream.descriptor, -1);
}

}  // namespace standin
