#include "common/http2/client_connection.hpp"

#include <array>

#include <catch2/catch.hpp>

#include "common/forward/relay.hpp"
#include "common/http/forwarding.hpp"
#include "tests/support/http2_fixture.hpp"
#include "tests/support/server_fixture.hpp"

using namespace common;

namespace {

// An exchange as far as it has got.
struct Once {
    std::unique_ptr<Http2BackendExchange> exchange;
    error_code sent;
    error_code failed;
    ResponseHead head;
    std::string body;
    bool ended = false;
};

RequestHead head_of(std::string method, std::string_view body) {
    RequestHead head;
    head.method = std::move(method);
    head.target = "/x";
    head.fields.add("Host", "h");
    head.fields.add("X-Mixed-Case", "1");
    if (!body.empty()) head.body = {BodyKind::length, body.size()};
    return head;
}

awaitable<void> run_once(Once& once, std::string body) {
    const std::array<std::string_view, 1> parts{body};
    BodyPiece piece;
    piece.parts = parts;
    piece.bytes = body.size();
    piece.last = true;
    const RequestHead head = head_of(body.empty() ? "GET" : "POST", body);
    once.exchange->start_request(head);
    once.sent = co_await once.exchange->send_body(piece);
    once.failed = co_await once.exchange->read_head(once.head);
    while (!once.failed && !once.exchange->response_done()) {
        const BodyRead read = co_await once.exchange->read_body();
        once.failed = read.ec;
        for (const std::string_view part : read.piece.parts)
            once.body += part;
    }
    once.ended = true;
}

struct ClientFixture : Http2Fixture {
    ClientFixture() : Http2Fixture(answer_body) {}

    // Begins an exchange on `connection`.
    void begin(Once& once, std::string body = {}) {
        once.exchange = std::make_unique<Http2BackendExchange>(connection_to);
        tasks.spawn("exchange", run_once(once, std::move(body)));
        time.settle();
    }
    void server_says(std::string_view bytes) {
        server->send(bytes);
        time.settle();
    }
    // With the test as the server, which has shaken hands.
    void by_hand() {
        connection_to = client_of(server);
        server_says(http2::frame(http2::settings, 0, 0, {}));
        server->take();
    }
    std::vector<http2::Frame> server_got() { return http2::parse(server->take()); }

    std::shared_ptr<Http2ClientConnection> connection_to;
    std::shared_ptr<MemoryPeer> server;
};

bool has(const std::vector<http2::Frame>& frames, std::uint8_t type, std::uint32_t code) {
    for (const http2::Frame& frame : frames) {
        if (frame.type == type && http2::last_number(frame) == code) return true;
    }
    return false;
}

// ":status: 200" of the static table.
const std::string ok = "\x88";

}  // namespace

TEST_CASE("http2 client: exchanges with our own server, several at once", "[common][http2]") {
    ClientFixture f;
    f.connection_to = f.pair();
    const std::string large(300000, 'x');
    Once get;
    Once post;
    f.begin(get);
    f.begin(post, large);
    f.settle();
    CHECK(get.head.status == 200);
    CHECK(get.body.empty());
    CHECK(post.body == large);
    CHECK(post.exchange->request_done());
    CHECK_FALSE(get.exchange->reused());
    CHECK(post.exchange->reused());
    CHECK(f.connection_to->streams() == 2);
    get.exchange.reset();
    post.exchange.reset();
    CHECK(f.connection_to->streams() == 0);
    f.connection->close();
}

TEST_CASE("http2 client: a refused stream was not begun", "[common][http2]") {
    ClientFixture f;
    f.by_hand();
    Once once;
    f.begin(once, "body");
    CHECK(once.exchange->bytes_sent() > 0);
    f.server_says(http2::frame(http2::rst_stream, 0, 1, http2::number(7)));
    CHECK(once.ended);
    CHECK(once.failed);
    CHECK(once.exchange->bytes_sent() == 0);
    CHECK_FALSE(f.connection_to->finished());
}

TEST_CASE("http2 client: nor was one above GOAWAY's last stream; those below go on",
          "[common][http2]") {
    ClientFixture f;
    f.by_hand();
    Once first;
    Once second;
    f.begin(first);
    f.begin(second);
    f.server_says(http2::frame(http2::goaway, 0, 0, http2::number(1) + http2::number(0)));
    CHECK_FALSE(first.ended);
    CHECK(second.ended);
    CHECK(second.exchange->bytes_sent() == 0);
    CHECK_FALSE(f.connection_to->has_room());
    f.server_says(http2::frame(http2::headers, http2::end_headers, 1, ok) +
                  http2::frame(http2::data, http2::end_stream, 1, "late"));
    CHECK(first.body == "late");
    CHECK(first.exchange->bytes_sent() > 0);
    CHECK(f.server->closed());
}

TEST_CASE("http2 client: a reset or an end in mid-answer may have been begun", "[common][http2]") {
    ClientFixture f;
    f.by_hand();
    Once once;
    f.begin(once);
    f.server_says(http2::frame(http2::headers, http2::end_headers, 1, ok) +
                  http2::frame(http2::data, 0, 1, "half"));
    const bool reset = GENERATE(true, false);
    if (reset) {
        f.server_says(http2::frame(http2::rst_stream, 0, 1, http2::number(2)));
    } else {
        f.server->end();
        f.time.settle();
    }
    CHECK(once.body == "half");
    CHECK(once.failed);
    CHECK(once.exchange->bytes_sent() > 0);
    CHECK(once.exchange->response_seen());
    CHECK_FALSE(once.exchange->response_done());
}

TEST_CASE("http2 client: a status below 100 is no answer", "[common][http2]") {
    ClientFixture f;
    f.by_hand();
    Once once;
    f.begin(once);
    const std::string status = "\x08\x03" + std::string("051");  // ":status", not indexed
    f.server_says(http2::frame(http2::headers, http2::end_headers | http2::end_stream, 1, status));
    CHECK(once.ended);
    CHECK(once.failed);
    CHECK(once.exchange->response_seen());
}

TEST_CASE("http2 client: the peer's limit is kept", "[common][http2]") {
    ClientFixture f;
    f.connection_to = f.client_of(f.server);
    CHECK(f.connection_to->undecided());
    CHECK(f.connection_to->has_room());
    Once first;
    Once second;
    f.begin(first);
    CHECK_FALSE(f.connection_to->has_room());
    f.server_says(http2::frame(http2::settings, 0, 0, std::string("\0\x03", 2) + http2::number(2)));
    CHECK(f.connection_to->has_room());
    f.begin(second);
    CHECK_FALSE(f.connection_to->has_room());
    f.server_says(http2::frame(http2::headers, http2::end_headers | http2::end_stream, 1, ok));
    first.exchange.reset();
    CHECK(f.connection_to->has_room());
    second.exchange->close();
    f.time.settle();
}

TEST_CASE("http2 client: a request that was held back and given up leaves no trace",
          "[common][http2]") {
    ClientFixture f;
    f.connection_to = f.client_of(f.server);
    f.server_says(http2::frame(http2::settings, 0, 0, std::string("\0\x03", 2) + http2::number(1)));
    Once first;
    Once second;
    f.begin(first);
    f.begin(second, "body");  // past the limit: the codec keeps it
    f.server->take();
    second.exchange->close();
    f.time.settle();
    CHECK(second.ended);
    CHECK(second.exchange->bytes_sent() == 0);
    second.exchange.reset();
    f.server_says(http2::frame(http2::headers, http2::end_headers | http2::end_stream, 1, ok));
    CHECK(first.head.status == 200);
    for (const http2::Frame& frame : f.server_got())
        CHECK(frame.stream != 3);
}

TEST_CASE("http2 client: a response that nobody reads stops at its window", "[common][http2]") {
    ClientFixture f;
    f.by_hand();
    Once once;
    f.begin(once);
    once.exchange->close();
    f.time.settle();
    CHECK(has(f.server_got(), http2::rst_stream, 8));

    auto unread = std::make_unique<Http2BackendExchange>(f.connection_to);
    const RequestHead head = head_of("GET", {});
    unread->start_request(head);
    CHECK(!run(f.io, unread->flush()));
    f.server->take();
    std::string answer = http2::frame(http2::headers, http2::end_headers, 3, ok);
    for (int i = 0; i < 3; ++i)
        answer += http2::frame(http2::data, 0, 3, std::string(16384, 'x'));
    f.server_says(answer);
    CHECK(f.server_got().empty());
    const std::optional<BodyRead> read = unread->body_at_hand();
    CHECK(read->piece.bytes == std::size_t{3} * 16384);
    CHECK(f.server_got().empty());
    CHECK_FALSE(unread->body_at_hand());  // now the first piece is done with
    f.time.settle();
    const auto frames = f.server_got();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].type == http2::window_update);
    CHECK(frames[0].stream == 3);
    unread.reset();
    CHECK(has(f.server_got(), http2::rst_stream, 8));
}

TEST_CASE("http2 client: 32 heads that nobody has read, and one more", "[common][http2]") {
    ClientFixture f;
    f.by_hand();
    Once once;
    f.begin(once);
    const int interim = GENERATE(31, 32);
    std::string heads;
    for (int i = 0; i < interim; ++i)
        heads +=
            http2::frame(http2::headers, http2::end_headers, 1, http2::field(":status", "103"));
    heads += http2::frame(http2::headers, http2::end_headers | http2::end_stream, 1, ok);
    f.server_says(heads);
    CHECK(has(f.server_got(), http2::rst_stream, 8) == (interim == 32));
    CHECK(once.ended);
}

TEST_CASE("http2 client: cancel() ends a wait, and the exchange goes on", "[common][http2]") {
    ClientFixture f;
    f.by_hand();
    Once once;
    f.begin(once);
    once.exchange->cancel();
    f.time.settle();
    CHECK(once.failed == boost::asio::error::operation_aborted);
    f.tasks.spawn("drain", once.exchange->drain());
    f.time.settle();
    CHECK(f.tasks.size() == 1);
    f.server_says(http2::frame(http2::headers, http2::end_headers, 1, ok) +
                  http2::frame(http2::data, http2::end_stream, 1, "x"));
    CHECK(f.tasks.size() == 0);
    CHECK(once.exchange->response_done());
}

TEST_CASE("http2 client: what speaks no HTTP/2 is a broken answer", "[common][http2]") {
    ClientFixture f;
    f.connection_to = f.client_of(f.server);
    Once once;
    f.begin(once);
    f.server_says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    CHECK(once.failed == boost::system::errc::bad_message);
    CHECK(f.connection_to->closed());
}

TEST_CASE("http2 client: a connection that was lost before the head left has begun nothing",
          "[common][http2]") {
    ClientFixture f;
    f.by_hand();
    f.server->limit_write_now(0);
    f.server->set_window(0);
    Once first;
    Once second;
    f.begin(first);   // its head waits in the transport
    f.begin(second);  // and this one's behind it
    f.server->break_writes(boost::asio::error::broken_pipe);
    f.time.settle();
    CHECK(first.exchange->bytes_sent() > 0);
    CHECK(second.exchange->bytes_sent() == 0);
    CHECK(first.failed);
    CHECK(second.failed);
}

namespace {

// Our server's handler relays to a second connection of ours.
struct RelayHttp2 : ClientFixture {
    RelayHttp2() {
        context.handler = [this](Exchange& exchange) { return forward(exchange, *this); };
    }

    static awaitable<void> forward(Exchange& exchange, RelayHttp2& self) {
        Http2BackendExchange backend(self.connection_to);
        RequestBody body(exchange, 0);
        Relay relay(exchange, backend, body, self.tasks, self.time);
        RelayTimeouts timeouts;
        timeouts.started = self.time.now();
        timeouts.total = timeouts.started + std::chrono::seconds(10);
        RequestHead outgoing = forward_request_head(exchange.request(), exchange.peer());
        self.result = co_await relay.run(std::move(outgoing), timeouts, nullptr);
        if (self.result->end == RelayEnd::timed_out) exchange.abort();
    }

    std::optional<RelayResult> result;
};

}  // namespace

TEST_CASE("http2 relay: both directions at once, trailers at the end", "[common][http2]") {
    RelayHttp2 f;
    f.by_hand();
    const auto client = f.ready();
    f.exchange(*client, http2::frame(http2::headers, http2::end_headers, 1,
                                     http2::post_head(http2::field("te", "trailers"))));
    CHECK(f.server_got().size() == 1);
    f.server_says(http2::frame(http2::headers, http2::end_headers, 1, ok));
    CHECK(http2::parse(client->take())[0].type == http2::headers);
    for (int i = 0; i < 3; ++i) {
        f.exchange(*client, http2::frame(http2::data, 0, 1, "ping"));
        CHECK(f.server_got().at(0).payload == "ping");
        f.server_says(http2::frame(http2::data, 0, 1, "pong"));
        CHECK(http2::parse(client->take()).at(0).payload == "pong");
    }
    f.exchange(*client, http2::frame(http2::data, http2::end_stream, 1, {}));
    f.server_says(http2::frame(http2::headers, http2::end_headers | http2::end_stream, 1,
                               http2::field("grpc-status", "0")));
    const auto end = http2::parse(client->take());
    REQUIRE(end.size() >= 1);
    CHECK(end.back().type == http2::headers);
    CHECK((end.back().flags & http2::end_stream) != 0);
    CHECK(f.result->end == RelayEnd::complete);
    client->end();
    f.server->end();
}

TEST_CASE("http2 relay: a timeout breaks off both streams", "[common][http2]") {
    RelayHttp2 f;
    f.by_hand();
    const auto client = f.ready();
    f.exchange(*client, http2::frame(http2::headers, http2::end_headers, 1, http2::post_head()));
    f.server_says(http2::frame(http2::headers, http2::end_headers, 1, ok) +
                  http2::frame(http2::data, 0, 1, "half"));
    client->take();
    f.server->take();
    f.time.advance(std::chrono::seconds(10));
    CHECK(f.result->end == RelayEnd::timed_out);
    CHECK(has(http2::parse(client->take()), http2::rst_stream, 2));
    CHECK(has(f.server_got(), http2::rst_stream, 8));
    client->end();
    f.server->end();
}
