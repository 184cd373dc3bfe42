// See the header. An HTTP/1.0 client gets streams without chunks, ended by closing.
#include "tests/sd_standin/wire_endpoints.hpp"

#include <zlib.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/sd_standin/websocket_echo.hpp"

namespace standin {
namespace {

constexpr std::int64_t an_hour_ms = 3'600'000;
constexpr std::int64_t most_pieces = 1'000'000;
constexpr std::int64_t largest_piece = 16 << 20;

// A wrong or missing number is the default: these are test aids, called by tests.
std::int64_t number_of(const Request& request, const char* name, std::int64_t otherwise,
                       std::int64_t high) {
    return parse_number(request.query(name).value_or(""), 0, high).value_or(otherwise);
}

void sleep_ms(std::int64_t ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

bool skip_body(Connection& connection) {
    return connection.read_body([](std::string_view) { return true; });
}

std::string chunk(std::string_view content) {
    char size[24];
    const int n = std::snprintf(size, sizeof size, "%zx\r\n", content.size());
    return std::string(size, static_cast<std::size_t>(n)) + std::string(content) + "\r\n";
}

Wire answer(Connection& connection, const Request& request, const Response& response) {
    const bool keep = connection.may_persist() && !connection.body_remains();
    if (!connection.send(format_response(response, request, keep)) || !keep) return Wire::close;
    return Wire::keep;
}

// A body of pieces whose length is not announced.
class Stream {
  public:
    Stream(Connection& connection, const Request& request, const std::string& content_type,
           const std::string& more_headers = {})
        : connection_(connection),
          chunked_(!request.is_http_10),
          with_body_(request.method != "HEAD") {
        std::string head = "HTTP/1.1 200 OK\r\ncontent-type: " + content_type +
                           "\r\ncache-control: no-store\r\n" + more_headers;
        head += chunked_ ? "transfer-encoding: chunked\r\n" : "";
        head += connection.may_persist() && chunked_ ? "\r\n" : "connection: close\r\n\r\n";
        alive_ = connection.send(head);
    }
    bool send(std::string_view piece) {
        if (!with_body_) return alive_;
        alive_ = alive_ && connection_.send(chunked_ ? chunk(piece) : std::string(piece));
        return alive_;
    }
    Wire finish(const std::string& trailers = {}) {
        if (chunked_ && with_body_) {
            alive_ = alive_ && connection_.send("0\r\n" + trailers + "\r\n");
        }
        return alive_ && chunked_ && connection_.may_persist() ? Wire::keep : Wire::close;
    }
    bool wants_pieces() const { return alive_ && with_body_; }

  private:
    Connection& connection_;
    const bool chunked_;
    const bool with_body_;
    bool alive_ = false;
};

Wire stream(Connection& connection, const Request& request) {
    const std::int64_t chunks = number_of(request, "chunks", 10, most_pieces);
    const std::int64_t interval = number_of(request, "interval_ms", 100, an_hour_ms);
    const auto bytes = static_cast<std::size_t>(number_of(request, "bytes", 16, largest_piece));
    if (!skip_body(connection)) return Wire::close;
    Stream out(connection, request, "application/octet-stream");
    for (std::int64_t i = 0; i < chunks && out.wants_pieces(); ++i) {
        if (i > 0) sleep_ms(interval);
        // An empty chunk would end the body.
        if (bytes > 0) out.send(std::string(bytes, static_cast<char>('a' + i % 26)));
    }
    return out.finish();
}

Wire events(Connection& connection, const Request& request) {
    const std::int64_t events = number_of(request, "events", 10, most_pieces);
    const std::int64_t interval = number_of(request, "interval_ms", 100, an_hour_ms);
    if (!skip_body(connection)) return Wire::close;
    Stream out(connection, request, "text/event-stream");
    for (std::int64_t i = 0; i < events && out.wants_pieces(); ++i) {
        if (i > 0) sleep_ms(interval);
        const std::string number = std::to_string(i);
        out.send("id: " + number + "\ndata: {\"event\":" + number + "}\n\n");
    }
    return out.finish();
}

Wire trailers(Connection& connection, const Request& request) {
    if (!skip_body(connection)) return Wire::close;
    Stream out(connection, request, "text/plain", "trailer: x-standin-checksum\r\n");
    out.send("body before the trailer\n");
    return out.finish("x-standin-checksum: 1234\r\n");
}

Wire websocket(Connection& connection, const Request& request) {
    if (!request.header("Sec-WebSocket-Key")) {
        if (!skip_body(connection)) return Wire::close;
        return answer(connection, request,
                      {426,
                       "application/json",
                       {{"upgrade", "websocket"}},
                       R"({"detail":"a WebSocket handshake is expected"})"});
    }
    const std::string read_already = request.raw_head + connection.take_rest();
    echo_websocket(connection.release(), read_already);
    return Wire::close;
}

Wire upload(Connection& connection, const Request& request) {
    std::uint64_t length = 0;
    std::uint64_t pieces = 0;
    uLong checksum = 0;
    const std::int64_t pause = number_of(request, "pause_ms", 0, an_hour_ms);
    const bool whole = connection.read_body([&](std::string_view piece) {
        length += piece.size();
        ++pieces;
        checksum = crc32(checksum, reinterpret_cast<const Bytef*>(piece.data()),
                         static_cast<uInt>(piece.size()));
        if (pause > 0) sleep_ms(pause);
        return true;
    });
    if (!whole) return Wire::close;
    const bool chunked = request.header("Transfer-Encoding").has_value();
    return answer(connection, request,
                  {200,
                   "application/json",
                   {},
                   "{\"length\":" + std::to_string(length) + ",\"crc32\":" +
                       std::to_string(checksum) + ",\"pieces\":" + std::to_string(pieces) +
                       ",\"chunked\":" + (chunked ? "true" : "false") + "}"});
}

Wire half(Connection& connection, const Request&) {
    if (!skip_body(connection)) return Wire::close;
    connection.send("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\n" +
                    std::string(50, 'h'));
    return Wire::close;
}

// Answers while the body is still coming, then closes.
Wire early(Connection& connection, const Request& request) {
    const std::int64_t status = number_of(request, "status", 413, 599);
    const Response response{status < 200 ? 413 : static_cast<int>(status),
                            "application/json",
                            {},
                            R"({"detail":"answered before reading the body"})"};
    if (connection.send(format_response(response, request, false))) connection.linger();
    return Wire::close;
}

Wire hints(Connection& connection, const Request& request) {
    if (!skip_body(connection)) return Wire::close;
    if (!request.is_http_10 &&
        !connection.send("HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")) {
        return Wire::close;
    }
    return answer(connection, request, {200, "application/json", {}, "{\"hinted\":true}"});
}

Wire slow_headers(Connection& connection, const Request& request) {
    const std::int64_t ms = number_of(request, "ms", 1000, an_hour_ms);
    if (!skip_body(connection)) return Wire::close;
    sleep_ms(ms);
    return answer(connection, request, {200, "application/json", {}, "{\"slow\":true}"});
}

Wire close_silently(Connection& connection, const Request&) {
    skip_body(connection);
    return Wire::close;
}

}  // namespace

Wire serve_wire_endpoint(Connection& connection, const Request& request) {
    struct Endpoint {
        std::string_view path;
        Wire (*serve)(Connection&, const Request&);
    };
    static constexpr Endpoint endpoints[] = {
        {"/standin/stream", stream},        {"/standin/sse", events},
        {"/standin/trailers", trailers},    {"/standin/ws", websocket},
        {"/standin/upload", upload},        {"/standin/half", half},
        {"/standin/early", early},          {"/standin/103", hints},
        {"/standin/close", close_silently}, {"/standin/slow_headers", slow_headers}};
    for (const Endpoint& endpoint : endpoints) {
        if (endpoint.path == request.path) return endpoint.serve(connection, request);
    }
    return Wire::not_mine;
}

}  // namespace standin
