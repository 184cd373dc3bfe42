// What a client may take of us over HTTP/2: at each limit, and one past it.
#include <functional>

#include <catch2/catch.hpp>

#include "tests/support/http2_fixture.hpp"
#include "tests/support/server_fixture.hpp"

using namespace common;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint8_t whole = http2::end_stream | http2::end_headers;
constexpr std::size_t mib = std::size_t{1} << 20;
// What http2::get_head() counts as, with 32 bytes for each field (RFC 9113 6.5.2).
constexpr std::size_t get_head_bytes = 42 + 43 + 38 + 43;

std::string get(std::uint32_t id, std::string_view more = {}) {
    return http2::frame(http2::headers, whole, id, http2::get_head(more));
}

std::string reset(std::uint32_t id) {
    return http2::frame(http2::rst_stream, 0, id, http2::number(8));
}

std::string ping() {
    return http2::frame(http2::ping, 0, 0, std::string(8, 'p'));
}

// Fields that count as so many bytes together.
std::string fields_of(std::size_t bytes) {
    std::string fields;
    while (bytes > 0) {
        const std::size_t one = bytes > 60'000 ? 50'000 : bytes;
        fields += http2::field("x", std::string(one - 33, 'x'));
        bytes -= one;
    }
    return fields;
}

// The body of the only answer.
std::string answer(const std::vector<http2::Frame>& frames) {
    return find(frames, http2::data).payload;
}

awaitable<void> answer_when_told(Exchange& exchange, Signal& go_on) {
    co_await go_on.wait();
    co_await answer_target(exchange);
}

// Waits with the body unread until the client has left.
awaitable<void> wait_for_end(Exchange& exchange) {
    Signal gone(co_await boost::asio::this_coro::executor);
    exchange.watch_client([&gone] { gone.notify(); });
    co_await gone.wait();
}

}  // namespace

TEST_CASE("http2 limits: 250 streams at once, and one more", "[common][http2]") {
    Http2Fixture f(wait_for_end);
    const auto client = f.ready();
    std::string begun;
    for (std::uint32_t id = 1; id < 500; id += 2)
        begun += get(id);
    CHECK(f.exchange(*client, begun).empty());
    CHECK(f.connection->streams() == 250);
    // It has acknowledged the limit: no error of one stream (RFC 9113 5.1.2), and it must go.
    const auto frames = f.exchange(*client, get(501));
    CHECK(http2::last_number(find(frames, http2::goaway)) == 1);
    CHECK(f.open == 0);
}

TEST_CASE("http2 limits: 1000 streams begun and reset, and more", "[common][http2]") {
    Http2Fixture f(wait_for_end);
    const auto client = f.ready();
    // nghttp2 gives 33 back each second of its own clock.
    const auto began = std::chrono::steady_clock::now();
    std::uint32_t sent = 0;
    while (f.open == 1 && sent < 100'000) {
        const std::uint32_t id = 2 * sent + 1;
        f.exchange(*client, get(id) + reset(id));
        ++sent;
    }
    const auto took = std::chrono::ceil<seconds>(std::chrono::steady_clock::now() - began).count();
    CHECK(sent > 1000);
    CHECK(sent <= 1000 + 33 * (took + 1) + 1);
    CHECK(f.open == 0);
}

TEST_CASE("http2 limits: 1000 frames without work in ten seconds, and one more",
          "[common][http2]") {
    Http2Fixture f(answer_body);
    const auto client = f.ready();
    std::function<std::string(std::uint32_t)> frame;
    SECTION("SETTINGS") {
        frame = [](std::uint32_t) { return http2::frame(http2::settings, 0, 0, {}); };
    }
    SECTION("PRIORITY") {
        const std::string priority = http2::frame(http2::priority, 0, 1, std::string(5, '\0'));
        frame = [priority](std::uint32_t) { return priority; };
    }
    SECTION("empty DATA") {
        f.exchange(*client,
                   http2::frame(http2::headers, http2::end_headers, 1, http2::post_head()));
        frame = [](std::uint32_t) { return http2::frame(http2::data, 0, 1, {}); };
    }
    SECTION("resets that it provokes") {
        frame = [](std::uint32_t number) {
            const std::uint32_t id = 2 * number + 1;
            return http2::frame(http2::headers, http2::end_headers, id, http2::post_head()) +
                   http2::frame(http2::window_update, 0, id, http2::number(0x7fffffff));
        };
    }
    // The SETTINGS of its beginning was the first.
    std::size_t ends = 0;
    for (std::uint32_t number = 0; number < 999; ++number)
        ends += count(f.exchange(*client, frame(number)), http2::goaway);
    CHECK(ends == 0);
    CHECK(f.open == 1);
    const auto frames = f.exchange(*client, frame(999));
    CHECK(http2::last_number(find(frames, http2::goaway)) == 11);  // ENHANCE_YOUR_CALM
    CHECK(f.open == 0);
}

TEST_CASE("http2 limits: 1000 acknowledgements that are not read, and one more",
          "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    client->set_window(0);
    f.exchange(*client, ping());  // its acknowledgement is on the way
    for (int i = 0; i < 1000; ++i)
        client->send(ping());
    f.time.settle();
    CHECK(f.open == 1);
    f.exchange(*client, ping());
    CHECK(f.open == 0);
}

TEST_CASE("http2 limits: a head in nine frames, and in ten", "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    const int continuations = GENERATE(8, 9);
    std::string head = http2::frame(http2::headers, http2::end_stream, 1, http2::get_head());
    for (int i = 1; i <= continuations; ++i) {
        head += http2::frame(http2::continuation, i == continuations ? http2::end_headers : 0, 1,
                             http2::field("a", "b"));
    }
    const auto frames = f.exchange(*client, head);
    CHECK(answer(frames) == (continuations == 8 ? "/" : ""));
    CHECK(f.open == (continuations == 8 ? 1 : 0));
    client->end();
}

TEST_CASE("http2 limits: 32 settings at once, and 33", "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    const std::string entry = std::string("\0\x03", 2) + http2::number(100);
    std::string settings;
    for (int i = 0; i < 32; ++i)
        settings += entry;
    const auto taken = f.exchange(*client, http2::frame(http2::settings, 0, 0, settings));
    CHECK(find(taken, http2::settings).flags == http2::ack);
    CHECK(f.open == 1);
    f.exchange(*client, http2::frame(http2::settings, 0, 0, settings + entry));
    CHECK(f.open == 0);
}

TEST_CASE("http2 limits: a head of so many bytes, and one more", "[common][http2]") {
    Http2Fixture f(answer_target);
    std::size_t limit = 1'048'896;  // the contract's
    SECTION("as the contract says") {}
    SECTION("as HTTP/1.1 has it") {
        f.context.limits.parser.header_bytes_max = limit = 65'536;
    }
    const auto client = f.ready();
    // In two frames: a whole one would be larger than a frame may be.
    const auto send = [&](std::uint32_t id, std::size_t bytes) {
        const std::string head = http2::get_head(fields_of(bytes - get_head_bytes));
        const std::size_t half = head.size() / 2;
        return answer(f.exchange(
            *client,
            http2::frame(http2::headers, http2::end_stream, id, head.substr(0, half)) +
                http2::frame(http2::continuation, http2::end_headers, id, head.substr(half))));
    };
    CHECK(send(1, limit) == "/");
    CHECK(send(3, limit + 1) == "431 Request Header Fields Too Large");
    CHECK(send(5, limit) == "/");
    client->end();
}

TEST_CASE("http2 limits: a head of so many fields, and one more", "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    std::string fields;
    for (int i = 0; i < 1000; ++i)
        fields += http2::field("a", "b");
    CHECK(answer(f.exchange(*client, get(1, fields))) == "/");
    CHECK(answer(f.exchange(*client, get(3, fields + http2::field("a", "b")))) ==
          "431 Request Header Fields Too Large");
    client->end();
}

TEST_CASE("http2 limits: a target of so many bytes, and one more", "[common][http2]") {
    Http2Fixture f(answer_target);
    f.context.limits.parser.target_bytes_max = 100;
    const auto client = f.ready();
    const std::string target(100, '/');
    const auto send = [&](std::uint32_t id, std::string_view path) {
        const std::string head =
            "\x82\x86" + http2::field(":path", path) + http2::field(":authority", "h");
        return answer(f.exchange(*client, http2::frame(http2::headers, whole, id, head)));
    };
    CHECK(send(1, target) == target);
    CHECK(send(3, target + "x") == "414 URI Too Long");
    client->end();
}

TEST_CASE("http2 limits: incomplete heads share a bound, small ones do not count",
          "[common][http2]") {
    Http2Fixture f(answer_target);
    f.context.limits.large_heads_bytes_max = 20'000;
    const auto open_head = [](std::size_t bytes) {
        return http2::frame(http2::headers, http2::end_stream, 1,
                            http2::get_head(fields_of(bytes - get_head_bytes)));
    };
    const std::string end = http2::frame(http2::continuation, http2::end_headers, 1, {});
    const auto large = f.ready();
    f.exchange(*large, open_head(4096 + 20'000));
    CHECK(f.context.large_heads_bytes == 20'000);

    const auto small = f.ready();
    f.exchange(*small, open_head(4096));
    CHECK(answer(f.exchange(*small, end)) == "/");
    small->end();
    const auto second = f.ready();
    f.exchange(*second, open_head(4096 + 33));
    CHECK(f.context.large_heads_bytes == 20'000);
    CHECK(answer(f.exchange(*second, end)) == "431 Request Header Fields Too Large");
    second->end();

    SECTION("it ends") {
        CHECK(answer(f.exchange(*large, end)) == "/");
    }
    SECTION("the client leaves") {
        large->end();
        f.time.settle();
    }
    CHECK(f.context.large_heads_bytes == 0);
    large->end();
}

TEST_CASE("http2 limits: unread bytes of a stream, of a connection, and one more",
          "[common][http2]") {
    Http2Fixture f(wait_for_end);
    const auto client = f.ready();
    const auto upload = [&](std::uint32_t id) {
        return f.exchange(*client,
                          http2::frame(http2::headers, http2::end_headers, id, http2::post_head()) +
                              http2::frame(http2::data, 0, id, std::string(mib, 'x')));
    };
    CHECK(upload(1).empty());
    const std::string more = http2::frame(http2::data, 0, 1, "x");
    SECTION("of the stream") {
        const auto frames = f.exchange(*client, more);
        CHECK(http2::last_number(find(frames, http2::rst_stream)) == 3);  // FLOW_CONTROL_ERROR
        CHECK(f.connection->streams() == 0);
    }
    SECTION("of the connection") {
        for (const std::uint32_t id : {3U, 5U, 7U})
            CHECK(upload(id).empty());
        f.exchange(*client,
                   http2::frame(http2::headers, http2::end_headers, 9, http2::post_head()));
        CHECK(f.connection->streams() == 5);
        const auto frames = f.exchange(*client, http2::frame(http2::data, 0, 9, "x"));
        CHECK(http2::last_number(find(frames, http2::goaway)) == 3);
        CHECK(f.open == 0);
    }
    client->end();
}

TEST_CASE("http2 limits: a frame of a MiB, and of a byte more", "[common][http2]") {
    Http2Fixture f(answer_target);
    const auto client = f.ready();
    const std::string post =
        http2::frame(http2::headers, http2::end_headers, 1, http2::post_head());
    const bool fits = GENERATE(true, false);
    const auto frames = f.exchange(
        *client, post + http2::frame(http2::data, 0, 1, std::string(mib + (fits ? 0 : 1), 'x')));
    CHECK(f.open == (fits ? 1 : 0));
    CHECK(count(frames, http2::goaway) == (fits ? 0 : 1));
    client->end();
}

TEST_CASE("http2 limits: a connection without a request is told, and closed in time",
          "[common][http2]") {
    std::unique_ptr<Signal> go_on;
    Http2Fixture f([&go_on](Exchange& exchange) { return answer_when_told(exchange, *go_on); });
    go_on = std::make_unique<Signal>(f.io.get_executor());
    f.context.limits.idle_timeout = seconds(20);
    const auto client = f.ready();
    f.time.advance(seconds(20) - milliseconds(1));
    f.exchange(*client, get(1));
    f.time.advance(seconds(60));  // it has one
    CHECK(f.open == 1);
    go_on->notify();
    f.time.settle();
    CHECK(answer(http2::parse(client->take())) == "/");
    f.time.advance(seconds(20) - milliseconds(1));
    CHECK(f.open == 1);
    f.time.advance(milliseconds(1));
    CHECK(http2::last_number(find(http2::parse(client->take()), http2::goaway)) == 0);
    CHECK(f.open == 0);
}

TEST_CASE("http2 limits: the last request of a connection is answered, the next is not begun",
          "[common][http2]") {
    Http2Fixture f(answer_target);
    f.context.limits.requests_per_connection_max = 2;
    const auto client = f.ready();
    CHECK(count(f.exchange(*client, get(1)), http2::goaway) == 0);
    const auto last = f.exchange(*client, get(3) + get(5));
    const http2::Frame end = find(last, http2::goaway);
    CHECK(http2::last_number(end) == 0);
    CHECK(count(last, http2::headers) == 1);
    CHECK(find(last, http2::headers).stream == 3);
    CHECK(f.open == 0);
}
