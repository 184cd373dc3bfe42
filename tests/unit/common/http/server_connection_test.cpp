// One client's connection: when it is kept, when it is closed, how fast, and what the client sees
// when something breaks.
#include <stdexcept>

#include <boost/asio/error.hpp>
#include <catch2/catch.hpp>

#include "common/async/signal.hpp"
#include "common/http/simple_response.hpp"
#include "tests/support/server_fixture.hpp"

namespace common {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string ok(std::string_view body, std::string_view more = "") {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

awaitable<void> throw_at_once(Exchange&) {
    throw std::runtime_error("a bug");
    co_return;
}

awaitable<void> throw_while_watching(Exchange& exchange) {
    exchange.watch_client([] {});  // a background read is under way
    throw std::runtime_error("a bug");
    co_return;
}

// What a test's handler shares with it.
struct Waiting {
    explicit Waiting(boost::asio::any_io_executor executor) : signal(executor) {}
    Signal signal;
    int gone = 0;
    bool waiting = false;
};

awaitable<void> wait_watched(Exchange& exchange, std::shared_ptr<Waiting> shared) {
    exchange.watch_client([shared] {
        ++shared->gone;
        shared->signal.resume();
    });
    shared->waiting = true;
    co_await shared->signal.wait();
    shared->waiting = false;
    exchange.watch_client(nullptr);
    if (!exchange.client_gone()) co_await respond_text(exchange, 200, "done");
}

TEST_CASE("server: a kept connection serves one request after the other", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    CHECK(without_date(f.exchange(*client, get("/a"))) == ok("/a"));
    CHECK(without_date(f.exchange(*client, get("/b"))) == ok("/b"));
    CHECK(client->writes() == 2);  // head and body in one write each
    CHECK_FALSE(client->closed());
    client->end();
    f.time.settle();
    CHECK(client->closed());
    CHECK_FALSE(client->was_reset());
}

TEST_CASE("server: every response says the time once", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    const std::string response = f.exchange(*client, get());
    CHECK(contains(response, "\r\nDate: Mon, 23 Nov 2026 10:15:30 GMT\r\n"));
    client->end();
}

TEST_CASE("server: two requests in one read are answered in order", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    const std::string both = f.exchange(*client, get("/1") + get("/2"));
    const std::size_t first = both.find("/1");
    const std::size_t second = both.find("/2");
    CHECK(first != std::string::npos);
    CHECK(second != std::string::npos);
    CHECK(first < second);
    client->end();
}

TEST_CASE("server: a request that arrives byte by byte is the same request", "[common][http]") {
    ServerFixture f(answer_body);
    const auto client = f.connect();
    client->split_reads(1);
    const std::string request =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailing: t\r\n\r\n";
    CHECK(without_date(f.exchange(*client, request + request)) ==
          ok("abcde") +
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Date: Mon, 23 Nov 2026 10:15:30 GMT\r\nContent-Length: 5\r\n\r\nabcde");
    CHECK_FALSE(client->closed());
    client->end();
}

TEST_CASE("server: a silent connection is closed 60 s after accept without a byte",
          "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    f.time.advance(seconds(60) - milliseconds(1));
    CHECK_FALSE(client->closed());
    f.time.advance(milliseconds(1));
    CHECK(client->closed());
    CHECK(client->received().empty());
}

TEST_CASE("server: half a head is answered 400 at 60 s and closed", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    f.time.advance(seconds(59));
    client->send("GET / HT");
    f.time.advance(milliseconds(999));
    CHECK(client->received().empty());
    f.time.advance(milliseconds(1));
    CHECK(contains(client->received(), "HTTP/1.1 400 Bad Request\r\n"));
    CHECK(contains(client->received(), "Connection: close\r\n"));
    CHECK(client->send_shut());
    f.time.advance(seconds(2));  // it lingers for the client to read this
    CHECK(client->closed());
}

TEST_CASE("server: bytes that trickle in do not move the deadline of a head", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    client->send("GET / HTTP/1.1\r\nX: ");
    for (int i = 0; i < 59; ++i) {
        f.time.advance(seconds(1));
        client->send("x");
    }
    f.time.settle();
    CHECK(client->received().empty());
    f.time.advance(seconds(1));
    CHECK(contains(client->received(), "400 Bad Request"));
    client->end();
}

TEST_CASE("server: between requests a connection may idle for ever, or for the limit",
          "[common][http]") {
    ServerFixture f(answer_target);
    SECTION("no limit") {
        const auto client = f.connect();
        f.exchange(*client, get());
        f.time.advance(std::chrono::hours(24));
        CHECK_FALSE(client->closed());
        CHECK(contains(f.exchange(*client, get("/later")), "/later"));
        client->end();
    }
    SECTION("limit") {
        f.context.limits.idle_timeout = seconds(10);
        const auto client = f.connect();
        f.exchange(*client, get());
        f.time.advance(seconds(9));
        f.exchange(*client, get());
        f.time.advance(seconds(10));
        CHECK(client->closed());
        CHECK(client->received().empty());
    }
    SECTION("a later request's head has its own 60 s from its first byte") {
        const auto client = f.connect();
        f.exchange(*client, get());
        f.time.advance(seconds(100));
        f.exchange(*client, "GET /");
        f.time.advance(seconds(59));
        CHECK(client->received().empty());
        f.time.advance(seconds(1));
        CHECK(contains(client->received(), "400 Bad Request"));
        client->end();
    }
}

TEST_CASE("server: a body that stops coming ends the connection", "[common][http]") {
    ServerFixture f(answer_body);
    const auto client = f.connect();
    f.exchange(*client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nab");
    f.time.advance(seconds(299));
    f.exchange(*client, "c");  // any byte starts the time anew
    f.time.advance(seconds(299));
    CHECK_FALSE(client->closed());
    f.time.advance(seconds(1));
    CHECK(client->closed());
    CHECK(client->received().empty());
}

TEST_CASE("server: a client that does not read its response is let go", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    client->set_window(20);
    client->send(get());
    f.time.advance(seconds(299));
    CHECK_FALSE(client->closed());
    f.time.advance(seconds(1));
    CHECK(client->closed());
    CHECK(client->was_reset());
}

TEST_CASE("server: an early answer closes the connection, after the client could read it",
          "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    const std::string answer =
        f.exchange(*client, "POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
    CHECK(contains(answer, "Connection: close\r\n"));
    CHECK(client->send_shut());
    CHECK_FALSE(client->closed());
    f.exchange(*client, std::string(997, 'x') + get("/never"));
    CHECK(client->received().empty());
    CHECK(client->unread() == 0);  // read and dropped
    SECTION("the client closes") {
        client->end();
        f.time.settle();
        CHECK(client->closed());
    }
    SECTION("the client goes on for ever") {
        f.time.advance(seconds(2));
        CHECK(client->closed());
    }
    SECTION("the client floods") {
        client->send(std::string(300 << 10, 'x'));
        f.time.settle();
        CHECK(client->closed());
    }
    CHECK_FALSE(client->was_reset());
}

TEST_CASE("server: a body that has arrived whole and is not wanted costs no connection",
          "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    const std::string request = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    CHECK(without_date(f.exchange(*client, request)) == ok("/p"));
    CHECK(without_date(f.exchange(*client, get("/next"))) == ok("/next"));
    client->end();
}

TEST_CASE("server: HTTP/1.0 is closed unless it asks to be kept", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    SECTION("asks") {
        const std::string answer =
            f.exchange(*client, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        CHECK(without_date(answer) == ok("/a", "Connection: keep-alive\r\n"));
        CHECK_FALSE(client->send_shut());
    }
    SECTION("does not") {
        const std::string answer = f.exchange(*client, "GET /a HTTP/1.0\r\n\r\n");
        CHECK(without_date(answer) == ok("/a", "Connection: close\r\n"));
        CHECK(client->send_shut());
    }
    client->end();
}

TEST_CASE("server: a client that says close is closed", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    CHECK(without_date(f.exchange(*client, get("/a", "Connection: close\r\n"))) ==
          ok("/a", "Connection: close\r\n"));
    CHECK(client->send_shut());
    client->end();
}

TEST_CASE("server: HEAD gets the head of the answer only", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    const std::string answer = f.exchange(*client, "HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string whole = ok("/abc");
    CHECK(without_date(answer) == whole.substr(0, whole.size() - 4));
    CHECK(without_date(f.exchange(*client, get("/n"))) == ok("/n"));
    client->end();
}

awaitable<void> answer_204(Exchange& exchange) {
    SimpleResponse response;
    response.status = 204;
    co_await respond(exchange, response);
}

TEST_CASE("server: 204 has neither body nor length", "[common][http]") {
    ServerFixture f(answer_204);
    const auto client = f.connect();
    CHECK(without_date(f.exchange(*client, get())) == "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK_FALSE(client->send_shut());
    client->end();
}

TEST_CASE("server: refused heads", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    const auto [request, status] = GENERATE(table<std::string, std::string>({
        {"GET / HTTP/1.1\r\n\r\n", "400"},
        {"garbage\r\n\r\n", "400"},
        {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", "505"},
        {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string((1 << 20) + 8192, 'x') + "\r\n\r\n",
         "431"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
    }));
    const std::string answer = f.exchange(*client, request);
    CHECK(answer.substr(0, 13) == "HTTP/1.1 " + status + " ");
    CHECK(contains(answer, "Connection: close\r\n"));
    CHECK(client->send_shut());
    client->end();
}

TEST_CASE("server: an exception of the handler resets the connection and is reported",
          "[common][http]") {
    ServerFixture f(GENERATE(ServerConnection::Handler(throw_at_once),
                             ServerConnection::Handler(throw_while_watching)));
    f.failures_expected = 1;
    const auto client = f.connect();
    CHECK(f.exchange(*client, get()).empty());
    CHECK(client->was_reset());
    CHECK(f.open == 0);
}

TEST_CASE("server: a waiting handler learns that its client left", "[common][http]") {
    std::shared_ptr<Waiting> shared;
    ServerFixture f([&shared](Exchange& exchange) { return wait_watched(exchange, shared); });
    shared = std::make_shared<Waiting>(f.io.get_executor());
    const auto client = f.connect();
    f.exchange(*client, get());
    REQUIRE(shared->waiting);
    SECTION("by closing") {
        client->end();
    }
    SECTION("by a broken connection") {
        client->break_reads(boost::asio::error::connection_reset);
    }
    f.time.settle();
    CHECK(shared->gone == 1);
    CHECK(client->closed());
    CHECK(client->received().empty());
}

TEST_CASE("server: a request pipelined behind a waiting one is served after it", "[common][http]") {
    std::shared_ptr<Waiting> shared;
    ServerFixture f([&shared](Exchange& exchange) { return wait_watched(exchange, shared); });
    shared = std::make_shared<Waiting>(f.io.get_executor());
    const auto client = f.connect();
    f.exchange(*client, get());
    const std::string flood = get("/x", "X: " + std::string(100'000, 'x') + "\r\n");
    f.exchange(*client, flood);
    CHECK(client->unread() > 90'000);  // we do not read on for a client whose turn it is not
    for (int i = 0; i < 2; ++i) {
        REQUIRE(shared->waiting);
        shared->signal.notify();
        f.time.settle();
        CHECK(contains(client->take(), "done"));
    }
    CHECK(shared->gone == 0);
    client->end();
}

awaitable<void> cancel_then_watch(Exchange& exchange, std::shared_ptr<Waiting> shared) {
    exchange.watch_client([] {});
    exchange.cancel();
    exchange.watch_client(nullptr);
    co_await wait_watched(exchange, shared);
}

TEST_CASE("server: after a cancel the connection can still be used", "[common][http]") {
    std::shared_ptr<Waiting> shared;
    ServerFixture f([&shared](Exchange& exchange) { return cancel_then_watch(exchange, shared); });
    shared = std::make_shared<Waiting>(f.io.get_executor());
    const auto client = f.connect();
    f.exchange(*client, get());
    REQUIRE(shared->waiting);
    shared->signal.notify();
    f.time.settle();
    CHECK(contains(client->take(), "done"));
    f.exchange(*client, get());
    CHECK(shared->waiting);
    shared->signal.notify();
    f.time.settle();
    client->end();
}

awaitable<void> cancel_and_answer(Exchange& exchange) {
    exchange.watch_client([] {});
    exchange.cancel();
    exchange.watch_client(nullptr);
    co_await respond_text(exchange, 504, "late");
}

TEST_CASE("server: a cancelled background read does not end a kept connection", "[common][http]") {
    ServerFixture f(cancel_and_answer);
    const auto client = f.connect();
    CHECK(contains(f.exchange(*client, get()), "late"));
    CHECK_FALSE(client->closed());
    CHECK(contains(f.exchange(*client, get()), "late"));
    client->end();
}

// --- Broken responses.

enum class Ending { abort, forget, too_long, too_short };

awaitable<void> break_response(Exchange& exchange, Framing framing, Ending ending) {
    ResponseHead head;
    head.body = framing;
    exchange.start_response(head);
    const std::string_view text[] = {"abc"};
    BodyPiece piece;
    piece.parts = text;
    piece.bytes = 3;
    co_await exchange.send_body(piece);
    if (ending == Ending::abort) exchange.abort();
    if (ending == Ending::too_long) {
        piece.last = true;
        co_await exchange.send_body(piece);
        co_await exchange.send_body(piece);
    }
    if (ending == Ending::too_short) {
        const BodyPiece nothing_more{{}, 0, true};
        co_await exchange.send_body(nothing_more);
    }
}

TEST_CASE("server: a response that breaks off never looks whole", "[common][http]") {
    const Framing framing = GENERATE(Framing{BodyKind::chunked, 0}, Framing{BodyKind::length, 5},
                                     Framing{BodyKind::until_close, 0});
    const Ending ending =
        GENERATE(Ending::abort, Ending::forget, Ending::too_long, Ending::too_short);
    const bool by_length = framing.kind == BodyKind::length;
    if (!by_length && (ending == Ending::too_long || ending == Ending::too_short)) return;
    const bool old = GENERATE(false, true);
    ServerFixture f([=](Exchange& e) { return break_response(e, framing, ending); });
    const auto client = f.connect();
    const std::string answer =
        f.exchange(*client, old ? "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" : get());
    CHECK(contains(answer, "abc"));
    CHECK_FALSE(contains(answer, "\r\n0\r\n"));
    CHECK_FALSE(contains(answer, "abcabc"));
    CHECK(client->was_reset());
}

awaitable<void> send_and_give_up(Exchange& exchange, std::shared_ptr<Waiting> shared) {
    shared->waiting = true;
    co_await respond_text(exchange, 200, std::string(1000, 'x'));
    shared->waiting = false;
}

TEST_CASE("server: a response whose last write was cancelled is not followed by another",
          "[common][http]") {
    std::shared_ptr<Waiting> shared;
    ServerFixture f([&shared](Exchange& e) { return send_and_give_up(e, shared); });
    shared = std::make_shared<Waiting>(f.io.get_executor());
    const auto client = f.connect();
    client->set_window(100);
    f.exchange(*client, get());
    REQUIRE(shared->waiting);
    f.connection->cancel();
    f.time.settle();
    client->set_window(MemoryPeer::unlimited);
    f.time.settle();
    CHECK(client->was_reset());
    CHECK(client->received().empty());
}

// --- Shutting down.

TEST_CASE("server: shutting down closes idle connections and lets the others finish",
          "[common][http]") {
    std::shared_ptr<Waiting> shared;
    ServerFixture f([&shared](Exchange& exchange) { return wait_watched(exchange, shared); });
    shared = std::make_shared<Waiting>(f.io.get_executor());
    const auto client = f.connect();
    SECTION("idle") {
        f.context.closing = true;
        f.connection->close_when_idle();
        f.time.settle();
        CHECK(client->closed());
        CHECK(client->received().empty());
    }
    SECTION("busy") {
        f.exchange(*client, get());
        f.context.closing = true;
        f.connection->close_when_idle();
        f.time.settle();
        CHECK_FALSE(client->closed());
        shared->signal.notify();
        f.time.settle();
        CHECK(contains(client->received(), "Connection: close\r\n"));
        CHECK(contains(client->received(), "done"));
        client->end();
    }
    SECTION("at once") {
        f.exchange(*client, get());
        f.connection->close_now();
        shared->signal.notify();
        f.time.settle();
        CHECK(client->closed());
        CHECK(client->received().empty());
    }
}

// --- Both directions at once.

struct Duplex {
    explicit Duplex(boost::asio::any_io_executor executor) : read_ended(executor) {}
    Signal read_ended;
    bool reading = true;
    std::size_t read = 0;
};

awaitable<void> read_all(Exchange& exchange, std::shared_ptr<Duplex> shared) {
    while (true) {
        const BodyRead read = co_await exchange.read_body();
        if (read.ec || read.piece.last) break;
        shared->read += read.piece.bytes;
    }
    shared->reading = false;
    shared->read_ended.notify();
}

awaitable<void> read_and_write(Exchange& exchange, TaskGroup& tasks,
                               std::shared_ptr<Duplex> shared) {
    tasks.spawn("read", read_all(exchange, shared));
    co_await respond_text(exchange, 200, std::string(1000, 'x'));
    exchange.cancel();
    while (shared->reading)
        co_await shared->read_ended.wait();
}

TEST_CASE("server: body bytes that come do not lift the deadline of a write", "[common][http]") {
    std::shared_ptr<Duplex> shared;
    TaskGroup* tasks = nullptr;
    ServerFixture f([&](Exchange& e) { return read_and_write(e, *tasks, shared); });
    tasks = &f.tasks;
    shared = std::make_shared<Duplex>(f.io.get_executor());
    const auto client = f.connect();
    client->set_window(10);
    f.exchange(*client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n");
    for (int i = 0; i < 30; ++i) {
        f.exchange(*client, "x");
        f.time.advance(seconds(10));
    }
    CHECK(client->closed());
    CHECK(shared->read == 30);
}

}  // namespace
}  // namespace common
