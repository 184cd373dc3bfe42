// Real sockets on the loopback: hang-up behind unread bytes, dialling, listening, writes that wait.
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <catch2/catch.hpp>

#include "common/forward/fetch.hpp"
#include "common/http/http_server.hpp"
#include "common/http/simple_response.hpp"
#include "common/net/dialer.hpp"
#include "common/net/socket_stream.hpp"
#include "common/time/system_time.hpp"
#include "tests/support/server_fixture.hpp"

namespace common {
namespace {

using boost::asio::local::stream_protocol;
using std::chrono::seconds;

// A stream, and the raw descriptor of its other end.
struct SocketPair {
    explicit SocketPair(boost::asio::io_context& io) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        UnixSocket socket(io);
        socket.assign(stream_protocol(), ends[0]);
        stream = make_stream(std::move(socket));
        far = ends[1];
    }
    ~SocketPair() {
        if (far >= 0) ::close(far);
    }
    void send(std::string_view bytes) const {
        REQUIRE(::send(far, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    void close_far() {
        ::close(far);
        far = -1;
    }
    std::unique_ptr<Stream> stream;
    int far = -1;
};

TEST_CASE("hangup watch: tells of the end, also behind unread bytes", "[common][net]") {
    ShellFixture f;
    SocketPair pair(f.io);
    int gone = 0;
    if (GENERATE(false, true)) pair.send("unread");
    const bool before = GENERATE(false, true);
    const bool half = GENERATE(false, true);
    const auto leave = [&] { half ? void(::shutdown(pair.far, SHUT_WR)) : pair.close_far(); };
    if (before) leave();
    f.hangups.add(pair.stream->native_handle(), [&gone] { ++gone; });
    CHECK(gone == 0);
    if (!before) {
        f.time.settle();
        CHECK(gone == 0);  // bytes alone are no hang-up
        leave();
    }
    CHECK(run_until(f.io, [&] { return gone > 0; }));
    f.time.settle();
    CHECK(gone == 1);
}

TEST_CASE("hangup watch: more hang-ups at once than one look takes; removed ones are silent",
          "[common][net]") {
    ShellFixture f;
    std::vector<std::unique_ptr<SocketPair>> pairs;
    int gone = 0;
    for (int i = 0; i < 200; ++i) {
        pairs.push_back(std::make_unique<SocketPair>(f.io));
        f.hangups.add(pairs.back()->stream->native_handle(), [&gone] { ++gone; });
    }
    for (int i = 0; i < 200; i += 2)
        f.hangups.remove(pairs[static_cast<std::size_t>(i)]->stream->native_handle());
    for (const auto& pair : pairs)
        pair->close_far();
    CHECK(run_until(f.io, [&] { return gone == 100; }));
    f.time.settle();
    CHECK(gone == 100);
}

awaitable<void> note_write(Stream& stream, const std::string& text, error_code& ec, bool& ended) {
    const boost::asio::const_buffer piece(text.data(), text.size());
    const Stream::Buffers buffers(&piece, 1);
    ec = co_await write_all(stream, buffers);
    ended = true;
}

TEST_CASE("socket stream: a big write waits for its reader", "[common][net]") {
    ShellFixture f;
    SocketPair pair(f.io);
    const std::string text(8 << 20, 'x');
    error_code ec;
    bool ended = false;
    f.tasks.spawn("write", note_write(*pair.stream, text, ec, ended));
    f.time.settle();
    REQUIRE_FALSE(ended);
    std::string chunk(100'000, ' ');
    SECTION("who reads on") {
        std::size_t got = 0;
        const bool all = run_until(f.io, [&] {
            const ssize_t n = ::recv(pair.far, chunk.data(), chunk.size(), MSG_DONTWAIT);
            if (n > 0) got += static_cast<std::size_t>(n);
            return got == text.size() && ended;
        });
        CHECK(all);
        CHECK_FALSE(ec);
    }
    SECTION("a cancel on the turn in which one of its steps is done") {
        for (int i = 0; i < 3; ++i)
            ::recv(pair.far, chunk.data(), chunk.size(), MSG_DONTWAIT);
        pair.stream->cancel();
        CHECK(run_until(f.io, [&] { return ended; }));
        CHECK(ec == boost::asio::error::operation_aborted);
    }
    SECTION("who leaves") {
        pair.close_far();
        CHECK(run_until(f.io, [&] { return ended; }));
        CHECK(ec);
    }
}

TEST_CASE("socket stream: an idle peer that left or spoke is readable", "[common][net]") {
    ShellFixture f;
    SocketPair pair(f.io);
    CHECK_FALSE(pair.stream->readable_now());
    SECTION("spoke") {
        pair.send("x");
    }
    SECTION("left") {
        pair.close_far();
    }
    CHECK(pair.stream->readable_now());
}

awaitable<void> note_dial(TimeSource& time, Address address, DialResult& result, bool& ended) {
    result = co_await dial(time, address, seconds(5));
    ended = true;
}

TEST_CASE("dial: refused at once", "[common][net]") {
    ShellFixture f;
    boost::asio::ip::tcp::acceptor closed(f.io, {boost::asio::ip::make_address("127.0.0.1"), 0},
                                          false);
    const std::uint16_t port = closed.local_endpoint().port();
    closed.close();
    DialResult result;
    bool ended = false;
    f.tasks.spawn("dial", note_dial(f.time, {"127.0.0.1", port, ""}, result, ended));
    CHECK(run_until(f.io, [&] { return ended; }));
    CHECK(result.ec == boost::asio::error::connection_refused);
    CHECK_FALSE(result.stream);
}

TEST_CASE("dial: what is no address or no path is an error, not an exception", "[common][net]") {
    ShellFixture f;
    DialResult result;
    bool ended = false;
    Address address{"no.such.name", 80, ""};
    if (GENERATE(false, true)) address.unix_path = std::string(300, 'x');
    f.tasks.spawn("dial", note_dial(f.time, address, result, ended));
    CHECK(run_until(f.io, [&] { return ended; }));
    CHECK(result.ec);
}

TEST_CASE("dial: gives up at its deadline", "[common][net]") {
    ShellFixture f;
    // A listener whose queue is full and that nobody serves: further connects hang.
    boost::asio::ip::tcp::acceptor full(f.io, {boost::asio::ip::make_address("127.0.0.1"), 0},
                                        false);
    full.listen(0);
    const std::uint16_t port = full.local_endpoint().port();
    std::vector<DialResult> results(8);
    bool ended[8] = {};
    for (std::size_t i = 0; i < results.size(); ++i)
        f.tasks.spawn("dial", note_dial(f.time, {"127.0.0.1", port, ""}, results[i], ended[i]));
    f.time.settle();
    f.time.advance(seconds(5));
    CHECK(run_until(f.io, [&] { return f.tasks.size() == 0; }));
    CHECK(results.back().ec == boost::asio::error::timed_out);
}

// --- A server and a client of our own over TCP.

struct Server {
    explicit Server(ShellFixture& f, ServerConnection::Handler handler)
        : server(f.tasks, f.time, f.hangups, {}, std::move(handler)) {
        const Address any{"127.0.0.1", 0, ""};
        REQUIRE(server.open(any).empty());
        server.start();
    }
    HttpServer server;
};

awaitable<void> note_fetch(TimeSource& time, FetchRequest request, FetchResult& result,
                           bool& ended) {
    result = co_await fetch(time, std::move(request));
    ended = true;
}

awaitable<void> never_answer(Exchange& exchange) {
    Signal gone(co_await boost::asio::this_coro::executor);
    exchange.watch_client([&gone] { gone.notify(); });
    co_await gone.wait();
}

awaitable<void> answer_slowly_for_ever(Exchange& exchange) {
    ResponseHead head;
    head.body.kind = BodyKind::chunked;
    exchange.start_response(head);
    co_await exchange.flush();
    co_await never_answer(exchange);
}

awaitable<void> answer_much(Exchange& exchange) {
    co_await respond_text(exchange, 200, std::string(70'000, 'x'));
}

FetchRequest fetch_of(const Server& server, std::string target = "/x") {
    FetchRequest request;
    request.address = server.server.local_address();
    request.head.method = "GET";
    request.head.target = std::move(target);
    return request;
}

TEST_CASE("fetch: gets a small answer over TCP", "[common][forward]") {
    ShellFixture f;
    Server server(f, answer_target);
    FetchResult result;
    bool ended = false;
    f.tasks.spawn("fetch", note_fetch(f.time, fetch_of(server, "/abc"), result, ended));
    CHECK(run_until(f.io, [&] { return ended; }));
    CHECK_FALSE(result.ec);
    CHECK(result.head.status == 200);
    CHECK(result.body == "/abc");
    server.server.shut_down();
    CHECK(run_until(f.io, [&] { return f.tasks.size() == 0; }));
}

TEST_CASE("fetch: has a limit of time and of size", "[common][forward]") {
    ShellFixture f;
    FetchResult result;
    bool ended = false;
    SECTION("nothing comes") {
        Server server(f, never_answer);
        f.tasks.spawn("fetch", note_fetch(f.time, fetch_of(server), result, ended));
        CHECK(run_until(f.io, [&] { return f.tasks.size() == 3; }));
        f.time.advance(seconds(1));
        CHECK(run_until(f.io, [&] { return ended; }));
        CHECK(result.ec == boost::asio::error::timed_out);
        server.server.close_now();
        CHECK(run_until(f.io, [&] { return f.tasks.size() == 0; }));
    }
    SECTION("no end comes") {
        Server server(f, answer_slowly_for_ever);
        f.tasks.spawn("fetch", note_fetch(f.time, fetch_of(server), result, ended));
        CHECK(run_until(f.io, [&] { return result.head.status == 200 || f.tasks.size() == 3; }));
        f.time.advance(seconds(1));
        CHECK(run_until(f.io, [&] { return ended; }));
        CHECK(result.ec == boost::asio::error::timed_out);
        server.server.shut_down();
        CHECK(run_until(f.io, [&] { return f.tasks.size() == 0; }));
    }
    SECTION("too much comes") {
        Server server(f, answer_much);
        f.tasks.spawn("fetch", note_fetch(f.time, fetch_of(server), result, ended));
        CHECK(run_until(f.io, [&] { return ended; }));
        CHECK(result.ec == boost::system::errc::message_size);
        server.server.shut_down();
        CHECK(run_until(f.io, [&] { return f.tasks.size() == 0; }));
    }
}

TEST_CASE("server: a client that leaves behind unread bytes is noticed", "[common][http]") {
    ShellFixture f;
    ServerConnection::Context context{f.time, f.hangups, {}, never_answer};
    SocketPair pair(f.io);
    const std::string request =
        GENERATE(as<std::string>(), get(), get() + get("/pipelined"),
                 "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
                 "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabcdefghi" + get("/next"));
    const bool later = GENERATE(false, true);
    pair.send(request);
    ServerConnection connection(std::move(pair.stream), context);
    f.tasks.spawn("connection", connection.run());
    f.time.settle();
    if (later) pair.send("GET / HT");  // comes while the first request waits
    f.time.settle();
    CHECK_FALSE(connection.client_gone());
    pair.close_far();
    CHECK(run_until(f.io, [&] { return f.tasks.size() == 0; }));
}

TEST_CASE("system time: timers fire once, not when disarmed", "[common][time]") {
    ShellFixture f;
    SystemTime time(f.io.get_executor());
    int fired = 0;
    const auto kept = time.make_timer();
    const auto dropped = time.make_timer();
    dropped->arm(time.now(), [&fired] { fired += 100; });
    kept->arm(time.now() - seconds(1), [&fired] { ++fired; });
    CHECK(fired == 0);
    dropped->disarm();  // its time has come already
    CHECK(run_until(f.io, [&] { return fired > 0; }));
    f.time.settle();
    CHECK(fired == 1);
}

}  // namespace
}  // namespace common
