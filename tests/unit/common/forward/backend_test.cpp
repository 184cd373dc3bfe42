// The client's side by itself: one connection, the pool of idle ones, a body that is sent twice.
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>

#include "common/forward/backend_connection.hpp"
#include "common/forward/backend_pool.hpp"
#include "common/forward/request_body.hpp"
#include "tests/support/server_fixture.hpp"

namespace common {
namespace {

using std::chrono::seconds;

struct Once {
    error_code ec;
    ResponseHead head;
    std::string body;
    bool ended = false;
};

awaitable<void> one_exchange(BackendConnection& connection, RequestHead request, Once& once) {
    connection.start_request(request);
    const BodyPiece none{{}, 0, true};
    once.ec = co_await connection.send_body(none);
    if (!once.ec) once.ec = co_await connection.read_head(once.head);
    while (!once.ec && !connection.response_done()) {
        const BodyRead read = co_await connection.read_body();
        once.ec = read.ec;
        if (read.ec) break;
        for (const std::string_view part : read.piece.parts)
            once.body += part;
    }
    once.ended = true;
}

RequestHead get_head(std::string method = "GET") {
    RequestHead head;
    head.method = std::move(method);
    head.target = "/";
    head.fields.add("Host", "h");
    return head;
}

struct BackendFixture : ShellFixture {
    BackendFixture() {
        MemoryLink link = make_memory_link(io.get_executor());
        peer = link.peer;
        connection = std::make_unique<BackendConnection>(std::move(link.stream), ParserLimits{});
    }
    Once exchange(std::string_view answer, bool end = false, std::string method = "GET") {
        Once once;
        tasks.spawn("exchange", one_exchange(*connection, get_head(method), once));
        time.settle();
        peer->send(answer);
        if (end) peer->end();
        time.settle();
        REQUIRE(once.ended);
        return once;
    }
    std::shared_ptr<MemoryPeer> peer;
    std::unique_ptr<BackendConnection> connection;
};

TEST_CASE("backend: when a connection may be used again", "[common][forward]") {
    BackendFixture f;
    const auto [answer, reusable] = GENERATE(table<std::string, bool>({
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", true},
        {"HTTP/1.1 204 No Content\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!", false},
    }));
    CAPTURE(answer);
    const Once once = f.exchange(answer);
    CHECK_FALSE(once.ec);
    CHECK(f.connection->reusable() == reusable);
    CHECK(f.connection->response_seen());
    CHECK_FALSE(f.connection->reused());
    CHECK(f.connection->bytes_sent() == f.peer->received().size());
}

TEST_CASE("backend: one exchange after the other", "[common][forward]") {
    BackendFixture f;
    f.exchange("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false, "HEAD");
    CHECK(f.connection->reusable());
    f.peer->take();
    const Once second = f.exchange("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(second.body == "hi");
    CHECK(f.connection->reused());
    CHECK(f.connection->bytes_sent() == f.peer->received().size());
}

TEST_CASE("backend: an end before the first byte is told apart", "[common][forward]") {
    BackendFixture f;
    const Once once = f.exchange("", true);
    CHECK(once.ec == boost::asio::error::eof);
    CHECK_FALSE(f.connection->response_seen());
    CHECK(f.connection->bytes_sent() > 0);
    CHECK_FALSE(f.connection->reusable());
}

TEST_CASE("backend: nothing is written before the first piece", "[common][forward]") {
    BackendFixture f;
    f.connection->start_request(get_head());
    f.time.settle();
    CHECK(f.connection->bytes_sent() == 0);
    CHECK(f.peer->received().empty());
}

TEST_CASE("backend: idle and readable is stale", "[common][forward]") {
    BackendFixture f;
    f.exchange("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK_FALSE(f.connection->stale(std::chrono::seconds(1)));
    SECTION("closed") {
        f.peer->end();
    }
    SECTION("bytes nobody asked for") {
        f.peer->send("x");
    }
    CHECK(f.connection->stale(std::chrono::seconds(1)));
}

// --- Pool

struct Kept {
    std::unique_ptr<BackendConnection> connection;
    std::shared_ptr<MemoryPeer> peer;
};

awaitable<void> note_get(BackendPool& pool, Address address, BackendPool::Connected& got,
                         bool& ended) {
    got = co_await pool.get(address);
    ended = true;
}

struct PoolFixture : ShellFixture {
    // Nobody listens here: a connection that comes from get() was idle in the pool.
    Address address;
    PoolFixture() {
        boost::asio::ip::tcp::acceptor closed(io, {boost::asio::ip::make_address("127.0.0.1"), 0},
                                              false);
        address = {"127.0.0.1", closed.local_endpoint().port(), ""};
    }
    Kept fresh() {
        BackendFixture made;
        made.exchange("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        return {std::move(made.connection), made.peer};
    }
    std::unique_ptr<BackendExchange> get(BackendPool& pool) {
        BackendPool::Connected got;
        bool ended = false;
        tasks.spawn("get", note_get(pool, address, got, ended));
        REQUIRE(run_until(io, [&] { return ended; }));
        CHECK((got.connection != nullptr) == !got.ec);
        return std::move(got.connection);
    }
};

// A connection's stream posts to its fixture's event loop only while it is used, and these are
// idle: a fixture per connection may be gone.
TEST_CASE("pool: the last one in is the first one out", "[common][forward]") {
    PoolFixture f;
    BackendPool pool(f.time, {});
    std::vector<BackendConnection*> put;
    for (int i = 0; i < 3; ++i) {
        Kept kept = f.fresh();
        put.push_back(kept.connection.get());
        pool.put(f.address, std::move(kept.connection));
    }
    CHECK_FALSE(pool.get_idle(f.address, Protocol::http2));  // speaks HTTP/1.1
    for (int i = 2; i >= 0; --i)
        CHECK(f.get(pool).get() == put[static_cast<std::size_t>(i)]);
    CHECK_FALSE(f.get(pool));
    f.time.advance(seconds(200));
}

TEST_CASE("pool: idle connections are closed at the limits", "[common][forward]") {
    PoolFixture f;
    BackendPool::Options options;
    options.idle_per_address_max = 2;
    BackendPool pool(f.time, options);
    std::vector<std::shared_ptr<MemoryPeer>> peers;
    for (int i = 0; i < 3; ++i) {
        Kept kept = f.fresh();
        peers.push_back(kept.peer);
        pool.put(f.address, std::move(kept.connection));
        f.time.advance(seconds(1));
    }
    CHECK(peers[0]->closed());  // the oldest makes room
    CHECK_FALSE(peers[1]->closed());
    SECTION("too old to be taken") {
        f.time.advance(seconds(88));  // 90 s and 89 s
        CHECK(f.get(pool));
        CHECK_FALSE(f.get(pool));
        CHECK(peers[1]->closed());
    }
    SECTION("swept") {
        f.time.advance(seconds(180));
        CHECK(peers[1]->closed());
        CHECK(peers[2]->closed());
        CHECK(f.time.armed() == 0);
    }
    SECTION("forgotten") {
        pool.forget(f.address);
        CHECK(peers[1]->closed());
        CHECK(peers[2]->closed());
    }
    f.time.advance(seconds(200));
}

TEST_CASE("pool: beyond the limit of all addresses the oldest of all is closed",
          "[common][forward]") {
    PoolFixture f;
    BackendPool::Options options;
    options.idle_max = 3;
    BackendPool pool(f.time, options);
    std::vector<std::shared_ptr<MemoryPeer>> peers;
    for (std::uint16_t i = 0; i < 4; ++i) {
        common::Address address = f.address;
        address.port = static_cast<std::uint16_t>(1000 + i % 2);
        Kept kept = f.fresh();
        peers.push_back(kept.peer);
        pool.put(address, std::move(kept.connection));
        f.time.advance(seconds(1));
    }
    CHECK(peers[0]->closed());
    for (std::size_t i = 1; i < 4; ++i)
        CHECK_FALSE(peers[i]->closed());
    // Those that are forgotten no longer count.
    common::Address gone = f.address;
    gone.port = 1001;
    pool.forget(gone);
    for (int i = 0; i < 2; ++i) {
        Kept kept = f.fresh();
        peers.push_back(kept.peer);
        pool.put(f.address, std::move(kept.connection));
    }
    CHECK_FALSE(peers[2]->closed());
    CHECK_FALSE(peers[4]->closed());
    pool.clear();
}

TEST_CASE("pool: what is stale or unfit is not handed out", "[common][forward]") {
    PoolFixture f;
    BackendPool pool(f.time, {});
    Kept stale = f.fresh();
    pool.put(f.address, std::move(stale.connection));
    stale.peer->end();
    BackendFixture unfit;
    unfit.exchange("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    pool.put(f.address, std::move(unfit.connection));
    CHECK(unfit.peer->closed());
    CHECK_FALSE(f.get(pool));
    CHECK(stale.peer->closed());
    f.time.advance(seconds(200));
}

// --- Replay

struct Replayed {
    std::string first;
    std::string second;
    bool could = false;
    std::size_t kept = 0;
};

awaitable<std::string> read_up_to(RequestBody& body, std::size_t pieces) {
    std::string all;
    while (pieces-- > 0) {
        const BodyRead read = co_await body.read();
        if (read.ec) break;
        for (const std::string_view part : read.piece.parts)
            all += part;
        if (read.piece.last) break;
    }
    co_return all;
}

awaitable<void> read_twice(Exchange& exchange, Replayed& r, std::size_t limit, std::size_t pieces,
                           bool give_up) {
    RequestBody body(exchange, limit);
    r.first = co_await read_up_to(body, pieces);
    r.could = body.can_rewind();
    r.kept = body.bytes_kept();
    if (!r.could) co_return;
    body.rewind();
    if (give_up) body.stop_keeping();
    r.second = co_await read_up_to(body, 1000);
    if (give_up) r.could = body.can_rewind();
    r.kept = body.bytes_kept();
}

TEST_CASE("request body: what was read comes again, up to the limit", "[common][forward]") {
    const std::string text = "0123456789";
    const std::size_t pieces = GENERATE(0U, 1U, 3U, 1000U);
    const std::size_t limit = GENERATE(9U, 10U);
    const bool give_up = GENERATE(false, true);
    Replayed r;
    ServerFixture f([&](Exchange& e) { return read_twice(e, r, limit, pieces, give_up); });
    const auto client = f.connect();
    client->split_reads(2);
    f.exchange(*client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n" + text);
    const bool whole = pieces == 1000;
    CHECK(r.first == text.substr(0, r.first.size()));
    if (whole && limit == 9) {
        CHECK_FALSE(r.could);
        CHECK(r.kept == 0);
    } else {
        CHECK(r.second == text);
        CHECK(r.could == !give_up);
        if (give_up && !whole) CHECK(r.kept == 0);
    }
    client->end();
    f.time.settle();
}

awaitable<void> rewind_empty(Exchange& exchange, int& lasts) {
    RequestBody body(exchange, 10);
    for (int i = 0; i < 3; ++i) {
        const BodyRead read = co_await body.read();
        if (read.piece.last) ++lasts;
        body.rewind();
    }
}

TEST_CASE("request body: no body ends again after a rewind", "[common][forward]") {
    int lasts = 0;
    ServerFixture f([&](Exchange& e) { return rewind_empty(e, lasts); });
    const auto client = f.connect();
    f.exchange(*client, get());
    CHECK(lasts == 3);
    client->end();
}

}  // namespace
}  // namespace common
