// One exchange from client to backend and back: bodies, interim responses, trailers, early and
// broken answers. relay_end_test.cpp has the timeouts and departures.
#include <boost/asio/error.hpp>
#include <catch2/catch.hpp>

#include "tests/support/relay_fixture.hpp"

namespace common {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t mib = std::size_t{1} << 20;

std::string post(std::size_t length, std::string_view more = "") {
    return "POST /p HTTP/1.1\r\nHost: h\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(length) + "\r\n\r\n";
}

const std::string forwarded = "X-Forwarded-For: 10.1.1.1\r\n";

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

TEST_CASE("relay: a plain exchange, one write each way", "[common][forward]") {
    RelayFixture f;
    f.start(get("/a//b/../%2f?x=%zz;y"));
    CHECK(f.backend_got() ==
          "GET /a//b/../%2f?x=%zz;y HTTP/1.1\r\nHost: h\r\n" + forwarded + "\r\n");
    f.backend_says("HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX: y\r\n\r\nhi");
    CHECK(f.client_got() == "HTTP/1.1 200 Fine\r\nX: y\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(f.client->writes() == 1);
    CHECK(f.backend->writes() == 1);
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::complete);
    CHECK(f.result->status == 200);
    CHECK(f.result->response_bytes == 2);
    CHECK_FALSE(f.result->upload_cut);
    CHECK(f.reusable);
    CHECK_FALSE(f.client->closed());
    f.client->end();
}

TEST_CASE("relay: an empty response says its length once", "[common][forward]") {
    RelayFixture f;
    f.start(get());
    f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.client_got() == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.reusable);
    f.client->end();
}

TEST_CASE("relay: answers without a body", "[common][forward]") {
    RelayFixture f;
    SECTION("HEAD keeps the length") {
        f.start("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
        f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
        CHECK(f.client_got() == "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    }
    SECTION("304 keeps the length") {
        f.start(get());
        f.backend_says("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: x\r\n\r\n");
        CHECK(f.client_got() ==
              "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 99\r\n\r\n");
    }
    SECTION("204 has none") {
        f.start(get());
        f.backend_says("HTTP/1.1 204 No Content\r\n\r\n");
        CHECK(f.client_got() == "HTTP/1.1 204 No Content\r\n\r\n");
    }
    CHECK(f.result->end == RelayEnd::complete);
    CHECK(f.reusable);
    CHECK_FALSE(f.client->send_shut());
    f.client->end();
}

TEST_CASE("relay: a small body leaves with its head in one write", "[common][forward]") {
    RelayFixture f;
    f.start(post(3) + "abc");
    CHECK(f.backend_got() ==
          "POST /p HTTP/1.1\r\nHost: h\r\n" + forwarded + "Content-Length: 3\r\n\r\nabc");
    CHECK(f.backend->writes() == 1);
    f.backend_says("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.reusable);
    f.client->end();
}

TEST_CASE("relay: a chunked body stays chunked, its extensions and trailers go",
          "[common][forward]") {
    RelayFixture f;
    f.start("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n");
    CHECK(f.backend_got() == "POST /p HTTP/1.1\r\nHost: h\r\n" + forwarded +
                                 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    f.client_says("2\r\nde\r\n0\r\nX: y\r\n\r\n");
    CHECK(f.backend_got() == "2\r\nde\r\n0\r\n\r\n");
    f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.reusable);
    f.client->end();
}

TEST_CASE("relay: response trailers go on, except for those that mean framing",
          "[common][forward]") {
    RelayFixture f;
    f.start(get());
    f.backend_says(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n"
        "2\r\nhi\r\n0\r\nGrpc-Status: 0\r\nUnannounced: u\r\nKeep-Alive: 1\r\n\r\n");
    CHECK(f.client_got() ==
          "HTTP/1.1 200 OK\r\nTrailer: Grpc-Status\r\nTransfer-Encoding: chunked\r\n\r\n"
          "2\r\nhi\r\n0\r\nGrpc-Status: 0\r\nUnannounced: u\r\n\r\n");
    CHECK(f.reusable);
    f.client->end();
}

TEST_CASE("relay: a body that the backend ends by closing is ended well", "[common][forward]") {
    RelayFixture f;
    const bool old = GENERATE(false, true);
    f.start(old ? "GET / HTTP/1.0\r\n\r\n" : get());
    f.backend_says("HTTP/1.1 200 OK\r\n\r\nabc");
    CHECK(contains(f.client->received(), "abc"));  // what is there goes on at once
    f.backend->end();
    if (old) {
        CHECK(f.client_got() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
        CHECK(f.client->send_shut());
        CHECK_FALSE(f.client->was_reset());
    } else {
        CHECK(f.client_got() ==
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        CHECK_FALSE(f.client->send_shut());
    }
    CHECK(f.result->end == RelayEnd::complete);
    CHECK_FALSE(f.reusable);
    f.client->end();
}

TEST_CASE("relay: an interim response never becomes the final status", "[common][forward]") {
    RelayFixture f;
    f.start(get());
    f.backend_says("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    CHECK(f.client_got() == "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    f.backend_says("HTTP/1.1 500 Oops\r\nContent-Length: 1\r\n\r\n!");
    CHECK(f.client_got() == "HTTP/1.1 500 Oops\r\nContent-Length: 1\r\n\r\n!");
    CHECK(f.result->status == 500);
    f.client->end();
}

TEST_CASE("relay: an HTTP/1.0 client gets no interim response", "[common][forward]") {
    RelayFixture f;
    f.start("GET / HTTP/1.0\r\n\r\n");
    f.backend_says("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.client_got().substr(0, 12) == "HTTP/1.1 200");
    f.client->end();
}

// --- Expect: 100-continue

const std::string expecting = post(3, "Expect: 100-continue\r\n");
const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";

TEST_CASE("relay: the backend's 100 lets the client send", "[common][forward]") {
    RelayFixture f;
    f.start(expecting);
    CHECK(contains(f.backend_got(), "Expect: 100-continue\r\n"));
    CHECK(f.client_got().empty());
    f.backend_says(go_on);
    CHECK(f.client_got() == go_on);
    f.client_says("abc");
    CHECK(f.backend_got() == "abc");
    f.backend_says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.client_got() == "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.result->status == 404);
    CHECK(f.reusable);
    f.client->end();
}

TEST_CASE("relay: without the backend's 100 the client may send after 1 s", "[common][forward]") {
    RelayFixture f;
    const bool hint = GENERATE(false, true);
    f.start(expecting);
    if (hint) f.backend_says("HTTP/1.1 103 Early Hints\r\n\r\n");
    f.client_got();
    f.time.advance(milliseconds(999));
    CHECK(f.client_got().empty());
    f.time.advance(milliseconds(1));
    CHECK(f.client_got() == go_on);
    f.backend_says(go_on);  // too late: the client has had one
    CHECK(f.client_got().empty());
    f.backend_got();
    f.client_says("abc");
    CHECK(f.backend_got() == "abc");
    f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(contains(f.client_got(), "200 OK"));
    f.client->end();
}

TEST_CASE("relay: a final status instead of 100 is passed at once, and closes",
          "[common][forward]") {
    RelayFixture f;
    f.start(expecting);
    f.backend_says("HTTP/1.1 417 No\r\nContent-Length: 5\r\n\r\na");
    CHECK(f.client_got() == "HTTP/1.1 417 No\r\nConnection: close\r\nContent-Length: 5\r\n\r\na");
    f.time.advance(seconds(1));
    f.backend_says("bcde");
    CHECK(f.client_got() == "bcde");  // and no 100 in the middle
    CHECK(f.result->end == RelayEnd::complete);
    CHECK(f.result->upload_cut);
    CHECK_FALSE(f.reusable);
    CHECK(f.client->send_shut());
    f.client->end();
}

TEST_CASE("relay: a client that sends without waiting for 100 is not told to",
          "[common][forward]") {
    RelayFixture f;
    f.start(expecting + "abc");
    CHECK(contains(f.backend_got(), "\r\n\r\nabc"));
    f.backend_says(go_on + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.client_got() == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    f.client->end();
}

// --- Big bodies

TEST_CASE("relay: a backend that does not read stops the client", "[common][forward]") {
    RelayFixture f;
    f.backend_window = 1000;
    f.start(post(8 * mib));
    f.client_says(std::string(8 * mib, 'x'));
    CHECK(f.client->unread() > 7 * mib);
    f.backend->set_window(MemoryPeer::unlimited);
    f.time.settle();
    CHECK(f.client->unread() == 0);
    CHECK(f.backend->received().size() > 8 * mib);
    f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.reusable);
    f.client->end();
}

TEST_CASE("relay: a client that does not read stops the backend", "[common][forward]") {
    RelayFixture f;
    f.start(get());
    f.client->set_window(1000);
    f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(8 * mib) + "\r\n\r\n");
    f.backend_says(std::string(8 * mib, 'x'));
    CHECK(f.backend->unread() > 7 * mib);
    f.client->set_window(MemoryPeer::unlimited);
    f.time.settle();
    CHECK(f.backend->unread() == 0);
    CHECK(f.result->end == RelayEnd::complete);
    CHECK(f.result->response_bytes == 8 * mib);
    CHECK(f.reusable);
    f.client->end();
}

TEST_CASE("relay: both directions stream at once, through short reads and writes",
          "[common][forward]") {
    RelayFixture f;
    f.client = f.connect();
    f.client->split_reads(7);
    f.client->limit_write_now(GENERATE(0U, 5U));
    f.start(post(1000));
    f.backend->split_reads(11);
    f.backend->limit_write_now(3);
    f.backend_says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string sent;
    for (int i = 0; i < 10; ++i) {
        const std::string part(100, static_cast<char>('a' + i));
        f.client_says(part);
        sent += part;
        CHECK(contains(f.backend->received(), sent));
        f.backend_says("64\r\n" + part + "\r\n");
    }
    f.backend_says("0\r\n\r\n");
    CHECK(f.result->end == RelayEnd::complete);
    CHECK(f.result->response_bytes == 1000);
    CHECK(f.reusable);
    CHECK(contains(f.client->received(), "0\r\n\r\n"));
    f.client->end();
}

TEST_CASE("relay: an early 413 is heard while the client still uploads", "[common][forward]") {
    RelayFixture f;
    f.start(post(mib) + std::string(1000, 'x'));
    f.backend_says("HTTP/1.1 413 Too Big\r\nContent-Length: 3\r\n\r\nbig");
    CHECK(f.client_got() ==
          "HTTP/1.1 413 Too Big\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
    CHECK(f.result->end == RelayEnd::complete);
    CHECK(f.result->upload_cut);
    CHECK_FALSE(f.reusable);
    CHECK(f.client->send_shut());
    CHECK_FALSE(f.client->closed());
    f.client->end();
}

TEST_CASE("relay: an early answer is heard even if the backend stopped reading",
          "[common][forward]") {
    RelayFixture f;
    f.start(post(mib) + std::string(1000, 'x'));
    f.backend->break_writes(boost::asio::error::broken_pipe);
    f.client_says(std::string(1000, 'x'));
    CHECK_FALSE(f.result);
    f.backend_says("HTTP/1.1 413 Too Big\r\nContent-Length: 3\r\n\r\nbig");
    CHECK(contains(f.client_got(), "413 Too Big"));
    CHECK_FALSE(f.reusable);
    f.client->end();
}

// --- Flushing

TEST_CASE("relay: streams are flushed piece by piece", "[common][forward]") {
    RelayFixture f;
    f.start(get());
    SECTION("unknown length: the head at once") {
        f.backend_says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        CHECK(contains(f.client_got(), "Transfer-Encoding: chunked\r\n\r\n"));
        f.backend_says("1\r\na\r\n");
        CHECK(f.client_got() == "1\r\na\r\n");
        f.backend_says("0\r\n\r\n");
    }
    SECTION("an event stream with a length too") {
        f.backend_says(
            "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\n"
            "Content-Length: 4\r\n\r\n");
        CHECK(contains(f.client_got(), "Content-Length: 4\r\n\r\n"));
        f.backend_says("ab");
        CHECK(f.client_got() == "ab");
        f.backend_says("cd");
    }
    SECTION("another length: the head goes with the first bytes") {
        f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        CHECK(f.client_got().empty());
        f.backend_says("ab");
        CHECK(contains(f.client_got(), "\r\n\r\nab"));
        f.backend_says("cd");
    }
    CHECK(f.result->end == RelayEnd::complete);
    f.client->end();
}

// --- Broken backends

TEST_CASE("relay: a backend that breaks before its head leaves the client unanswered",
          "[common][forward]") {
    RelayFixture f;
    f.start(get());
    SECTION("closes") {
        f.backend->end();
    }
    SECTION("resets") {
        f.backend->break_reads(boost::asio::error::connection_reset);
    }
    SECTION("speaks no HTTP") {
        f.backend->send("garbage\r\n\r\n");
    }
    SECTION("half a head") {
        f.backend_says("HTTP/1.1 20");
        f.backend->end();
    }
    SECTION("a switch of protocol that nobody asked for") {
        f.backend->send("HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    }
    f.time.settle();
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::backend_failed);
    CHECK(f.result->cause);
    CHECK_FALSE(f.reusable);
    CHECK(f.client_got().substr(0, 12) == "HTTP/1.1 502");
    CHECK_FALSE(f.client->send_shut());
    f.client->end();
}

TEST_CASE("relay: a response that breaks off is seen as broken", "[common][forward]") {
    RelayFixture f;
    f.start(get());
    SECTION("by length") {
        f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
        f.backend->end();
    }
    SECTION("in chunks") {
        f.backend_says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        f.backend->end();
    }
    SECTION("a broken chunk") {
        f.backend_says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        f.backend->send("zz\r\n");
    }
    SECTION("by reset of a connection whose end would be the end") {
        f.backend_says("HTTP/1.1 200 OK\r\n\r\nabc");
        f.backend->break_reads(boost::asio::error::connection_reset);
    }
    f.time.settle();
    CHECK(f.result->end == RelayEnd::backend_failed);
    CHECK(f.result->status == 200);
    CHECK(f.client->was_reset());
    CHECK_FALSE(contains(f.client->received(), "0\r\n\r\n"));
    CHECK_FALSE(f.reusable);
}

TEST_CASE("relay: bytes beyond a response's length go nowhere", "[common][forward]") {
    RelayFixture f;
    f.start(get());
    f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef");
    CHECK(f.client_got() == "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    CHECK(f.result->end == RelayEnd::complete);
    CHECK_FALSE(f.reusable);
    f.client->end();
}

TEST_CASE("relay: a head that is not wanted is not sent", "[common][forward]") {
    RelayFixture f;
    f.on_head = [](ResponseHead& head) { return head.status != 503; };
    f.start(post(3) + "abc");
    f.backend_says("HTTP/1.1 503 Busy\r\nSluice-Refused: busy\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.result->end == RelayEnd::declined);
    CHECK(f.result->status == 503);
    CHECK(f.reusable);
    CHECK(contains(f.client_got(), "no\n"));
    f.client->end();
}

}  // namespace
}  // namespace common
