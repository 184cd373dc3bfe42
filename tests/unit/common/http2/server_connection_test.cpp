#include "common/http2/server_connection.hpp"

#include <catch2/catch.hpp>

#include "common/async/sleep.hpp"
#include "common/http/simple_response.hpp"
#include "tests/support/http2_fixture.hpp"
#include "tests/support/server_fixture.hpp"

using namespace common;

namespace {

constexpr std::uint8_t whole = http2::end_stream | http2::end_headers;

// What a handler saw, and what it waits for.
struct Seen {
    explicit Seen(boost::asio::any_io_executor executor) : go_on(std::move(executor)) {}
    Signal go_on;
    RequestHead head;
    error_code send_error;
    std::size_t handlers = 0;
    bool gone = false;
};

awaitable<void> wait_and_answer(Exchange& exchange, Seen*& seen) {
    ++seen->handlers;
    seen->head = exchange.request();
    exchange.watch_client([&seen] {
        seen->gone = true;
        seen->go_on.notify();
    });
    co_await seen->go_on.wait();
    if (!exchange.client_gone()) co_await answer_body(exchange);
}

awaitable<void> fail_at_once(Exchange&) {
    throw std::runtime_error("a bug");
    co_return;
}

awaitable<void> send_much(Exchange& exchange, Seen*& seen) {
    ResponseHead head;
    head.body.kind = BodyKind::chunked;
    exchange.start_response(std::move(head));
    const std::string bytes(100000, 'x');
    const std::array<std::string_view, 1> parts{bytes};
    BodyPiece piece;
    piece.parts = parts;
    piece.bytes = bytes.size();
    piece.last = true;
    seen->send_error = co_await exchange.send_body(piece);
    seen->gone = exchange.client_gone();
}

// Waits for every request until the test, or the client's end, lets it go.
struct Waiting : Http2Fixture {
    Waiting() : Http2Fixture([this](Exchange& e) { return wait_and_answer(e, seen_); }) {}
    Seen seen{io.get_executor()};
    Seen* seen_ = &seen;
};

}  // namespace

TEST_CASE("http2 server: it says its settings and answers a request", "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.connect();
    client->send(http2::preface);
    const auto hello = f.exchange(*client, http2::frame(http2::settings, 0, 0, {}));
    CHECK(find(hello, http2::settings).payload.size() == std::size_t{4} * 6);
    const auto answer =
        f.exchange(*client, http2::frame(http2::headers, whole, 1, http2::get_head()));
    CHECK(find(answer, http2::headers).stream == 1);
    CHECK(find(answer, http2::data).payload == "/");
    CHECK(find(answer, http2::data).flags == http2::end_stream);
    client->end();
    f.time.settle();
    CHECK(f.open == 0);
}

TEST_CASE("http2 server: a silent client, and a head that never ends, are closed in time",
          "[common][http2]") {
    Http2Fixture f(answer_target);
    const bool silent = GENERATE(true, false);
    const auto client = silent ? f.connect() : f.ready();
    if (!silent)
        client->send(http2::frame(http2::headers, http2::end_stream, 1, http2::get_head()));
    f.time.settle();
    f.time.advance(f.context.limits.head_timeout - std::chrono::seconds(1));
    CHECK(f.open == 1);
    f.time.advance(std::chrono::seconds(1));
    CHECK(f.open == 0);
}

TEST_CASE("http2 server: an idle connection stays", "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    f.exchange(*client, http2::frame(http2::headers, whole, 1, http2::get_head()));
    f.time.advance(std::chrono::hours(10));
    CHECK(f.open == 1);
    client->end();
}

TEST_CASE("http2 server: streams that are begun and reset at once end the connection",
          "[common][http2]") {
    Waiting f;
    const auto client = f.ready();
    std::string flood;
    for (std::uint32_t id = 1; id < 4000; id += 2) {
        flood += http2::frame(http2::headers, whole, id, http2::get_head());
        flood += http2::frame(http2::rst_stream, 0, id, http2::number(8));
    }
    f.exchange(*client, flood);
    CHECK(f.open == 0);
    CHECK(f.seen.handlers < 100);  // at most those whose reset came in a later read
}

TEST_CASE("http2 server: floods of frames without work end the connection", "[common][http2]") {
    Http2Fixture f(answer_body);
    const auto client = f.ready();
    std::string flood;
    SECTION("SETTINGS") {
        for (int i = 0; i < 1001; ++i)
            flood += http2::frame(http2::settings, 0, 0, {});
    }
    SECTION("PRIORITY") {
        for (int i = 0; i < 1001; ++i)
            flood += http2::frame(http2::priority, 0, 1, std::string(5, '\0'));
    }
    SECTION("empty DATA") {
        flood = http2::frame(http2::headers, http2::end_headers, 1, http2::post_head());
        for (int i = 0; i < 1001; ++i)
            flood += http2::frame(http2::data, 0, 1, {});
    }
    SECTION("resets that it provokes") {
        for (std::uint32_t id = 1; f.open == 1 && id < 4000; id += 2) {
            if (!flood.empty() && id % 200 == 1) client->send(std::exchange(flood, {}));
            flood += http2::frame(http2::headers, http2::end_headers, id, http2::post_head());
            flood += http2::frame(http2::window_update, 0, id, http2::number(0x7fffffff));
            f.time.settle();
        }
    }
    const auto answer = f.exchange(*client, flood);
    CHECK(http2::last_number(find(answer, http2::goaway)) == 11);  // ENHANCE_YOUR_CALM
    CHECK(f.open == 0);
}

TEST_CASE("http2 server: acknowledgements that nobody reads, and endless heads, end the connection",
          "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    std::string flood;
    SECTION("PING") {
        client->set_window(0);
        for (int i = 0; i < 2000; ++i)
            flood += http2::frame(http2::ping, 0, 0, std::string(8, 'p'));
    }
    SECTION("CONTINUATION") {
        flood = http2::frame(http2::headers, http2::end_stream, 1, http2::get_head());
        for (int i = 0; i < 1000; ++i)
            flood += http2::frame(http2::continuation, 0, 1, http2::field("a", "b"));
    }
    f.exchange(*client, flood);
    CHECK(f.open == 0);
}

TEST_CASE("http2 server: frames without work are fine at a human pace", "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    for (int i = 0; i < 30; ++i) {
        for (int n = 0; n < 100; ++n)
            client->send(http2::frame(http2::priority, 0, 1, std::string(5, '\0')));
        f.time.advance(std::chrono::seconds(5));
    }
    CHECK(f.open == 1);
    client->end();
}

TEST_CASE("http2 server: a head that is too large gets 431", "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    std::string more;
    for (int i = 0; i < 18; ++i)
        more += http2::field("a", std::string(60000, 'x'));
    const std::string head = http2::get_head(more);
    const std::size_t half = head.size() / 2;
    const auto answer = f.exchange(
        *client, http2::frame(http2::headers, http2::end_stream, 1, head.substr(0, half)) +
                     http2::frame(http2::continuation, http2::end_headers, 1, head.substr(half)));
    CHECK(find(answer, http2::data).payload == "431 Request Header Fields Too Large");
    client->end();
}

TEST_CASE("http2 server: the window opens again as the body is taken", "[common][http2]") {
    Waiting f;
    const auto client = f.ready();
    std::string upload = http2::frame(http2::headers, http2::end_headers, 1, http2::post_head());
    for (int i = 0; i < 60; ++i)
        upload += http2::frame(http2::data, 0, 1, std::string(16384, 'x'));
    const auto before = f.exchange(*client, upload);
    CHECK(count(before, http2::window_update) == 0);
    f.seen.go_on.notify();
    const auto after = f.exchange(*client, http2::frame(http2::data, http2::end_stream, 1, "end"));
    CHECK(find(after, http2::window_update).stream == 1);
    CHECK(count(after, http2::data) == 4);  // its window is the RFC's 65535 bytes
    client->end();
}

TEST_CASE("http2 server: a stream's reset, or the connection's end, means that the client left",
          "[common][http2]") {
    Waiting f;
    const auto client = f.ready();
    f.exchange(*client, http2::frame(http2::headers, whole, 1, http2::get_head()));
    CHECK(f.connection->streams() == 1);
    CHECK_FALSE(f.seen.gone);
    const bool reset = GENERATE(true, false);
    if (reset) {
        f.exchange(*client, http2::frame(http2::rst_stream, 0, 1, http2::number(8)));
        CHECK(f.connection->streams() == 0);
    }
    client->end();
    f.time.settle();
    CHECK(f.seen.gone);
    CHECK(f.open == 0);
}

TEST_CASE("http2 server: handlers of streams that were reset count against the limit",
          "[common][http2]") {
    Http2Fixture f(answer_body);
    f.context.handler = [&f](Exchange&) { return sleep_for(f.time, std::chrono::hours(1)); };
    const auto client = f.ready();
    std::string begun;
    std::string resets;
    for (std::uint32_t id = 1; id < 500; id += 2) {
        begun += http2::frame(http2::headers, whole, id, http2::get_head());
        resets += http2::frame(http2::rst_stream, 0, id, http2::number(8));
    }
    f.exchange(*client, begun);
    CHECK(count(f.exchange(*client, resets), http2::rst_stream) == 0);
    CHECK(f.connection->streams() == 250);
    const auto answer =
        f.exchange(*client, http2::frame(http2::headers, whole, 501, http2::get_head()));
    CHECK(find(answer, http2::rst_stream).stream == 501);
    CHECK(http2::last_number(find(answer, http2::rst_stream)) == 7);
    f.time.advance(std::chrono::hours(1));
    CHECK(f.connection->streams() == 0);
    client->end();
}

TEST_CASE("http2 server: a handler that fails breaks its stream only", "[common][http2]") {
    Http2Fixture f(fail_at_once);
    f.failures_expected = 1;
    const auto client = f.ready();
    const auto answer =
        f.exchange(*client, http2::frame(http2::headers, whole, 1, http2::get_head()));
    CHECK(http2::last_number(find(answer, http2::rst_stream)) == 2);
    CHECK(f.open == 1);
    client->end();
}

TEST_CASE("http2 server: an answer that comes before the upload's end stops the upload",
          "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    const auto answer = f.exchange(
        *client, http2::frame(http2::headers, http2::end_headers, 1, http2::post_head()));
    CHECK(find(answer, http2::data).flags == http2::end_stream);
    CHECK(http2::last_number(find(answer, http2::rst_stream)) == 0);
    client->end();
}

TEST_CASE("http2 server: a client that takes no byte counts as gone", "[common][http2]") {
    Http2Fixture f([](Exchange&) -> awaitable<void> { co_return; });
    Seen seen(f.io.get_executor());
    Seen* pointer = &seen;
    f.context.handler = [&pointer](Exchange& exchange) { return send_much(exchange, pointer); };
    const auto client = f.ready();
    // 65535 bytes go, then its window is closed.
    const auto first =
        f.exchange(*client, http2::frame(http2::headers, whole, 1, http2::get_head()));
    CHECK(count(first, http2::data) == 4);
    f.time.advance(f.context.limits.send_timeout - std::chrono::milliseconds(1));
    CHECK_FALSE(seen.gone);
    f.time.advance(std::chrono::milliseconds(1));
    CHECK(seen.gone);
    CHECK(seen.send_error == boost::asio::error::timed_out);
    client->end();
}

TEST_CASE("http2 server: told to finish, it takes no further stream and closes after the last",
          "[common][http2]") {
    Waiting f;
    const auto client = f.ready();
    f.exchange(*client, http2::frame(http2::headers, whole, 1, http2::get_head()));
    f.connection->finish();
    f.time.settle();
    CHECK(find(http2::parse(client->take()), http2::goaway).payload.substr(0, 4) ==
          http2::number(1));
    f.exchange(*client, http2::frame(http2::headers, whole, 3, http2::get_head()));
    CHECK(f.seen.handlers == 1);
    CHECK(f.open == 1);
    f.seen.go_on.notify();
    f.time.settle();
    CHECK(find(http2::parse(client->take()), http2::headers).stream == 1);
    CHECK(f.open == 0);
}

TEST_CASE("http2 server: what is no request for a relay is a stream error", "[common][http2]") {
    Waiting f;
    const auto client = f.ready();
    const std::string head = GENERATE(
        http2::get_head(http2::field("host", "other")), http2::get_head(http2::field("te", "gzip")),
        http2::get_head(http2::field("connection", "close")),
        http2::get_head(http2::field("content-length", "5")),
        http2::get_head(http2::field("x", "a\nb")), http2::get_head(http2::field(":path", "/b")),
        "\x82\x86" + http2::field(":path", "relative") + http2::field(":authority", "h"),
        "\x82\x86\x84");
    const auto answer = f.exchange(*client, http2::frame(http2::headers, whole, 1, head));
    CHECK(find(answer, http2::rst_stream).stream == 1);
    CHECK(f.seen.handlers == 0);
    CHECK(f.connection->streams() == 0);
    f.time.advance(std::chrono::hours(1));
    CHECK(f.open == 1);  // the stream was at fault, not the connection
    client->end();
}
