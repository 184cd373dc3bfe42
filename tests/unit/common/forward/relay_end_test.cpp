// How an exchange ends before its time (deadlines, a client that leaves), at each of its phases;
// and upgraded connections.
#include <boost/asio/error.hpp>
#include <catch2/catch.hpp>

#include "tests/support/relay_fixture.hpp"

namespace common {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

const std::string half_response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab";

TEST_CASE("relay: total deadline before the response gives 504 and keeps the client",
          "[common][forward]") {
    RelayFixture f;
    f.total = seconds(2);
    SECTION("silent backend") {
        f.start(get());
    }
    SECTION("half a response head") {
        f.start(get());
        f.backend_says("HTTP/1.1 200 OK\r\nX:");
    }
    SECTION("backend that does not take the request") {
        f.backend_window = 10;
        f.start(get());
    }
    f.time.advance(milliseconds(1999));
    CHECK_FALSE(f.result);
    f.time.advance(milliseconds(1));
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::timed_out);
    CHECK(f.result->timeout == RelayTimeout::total);
    CHECK(contains(f.client_got(), "504 Gateway Timeout"));
    CHECK_FALSE(f.client->send_shut());
    CHECK_FALSE(f.reusable);
    f.start(get("/next"));  // the connection is as good as before
    CHECK(contains(f.backend_got(), f.backend_window > 10 ? "GET /next" : "GET /next "));
    f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    f.client->end();
    f.time.advance(seconds(2));
}

TEST_CASE("relay: total deadline during an upload", "[common][forward]") {
    RelayFixture f;
    f.total = seconds(2);
    f.start("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    f.time.advance(seconds(2));
    CHECK(f.result->end == RelayEnd::timed_out);
    CHECK(f.result->upload_cut);
    CHECK(contains(f.client_got(), "504 Gateway Timeout"));
    CHECK(f.client->send_shut());
    f.client->end();
}

TEST_CASE("relay: total deadline in mid-response breaks the response", "[common][forward]") {
    RelayFixture f;
    f.total = seconds(2);
    f.start(get());
    SECTION("backend is silent") {
        f.backend_says(half_response);
        f.time.advance(seconds(2));
    }
    SECTION("client does not read") {
        f.client->set_window(10);
        f.backend_says(half_response + "cde");
        f.time.advance(seconds(2));
    }
    CHECK(f.result->end == RelayEnd::timed_out);
    CHECK(f.client->was_reset());
    CHECK_FALSE(contains(f.client->received(), "504"));
}

TEST_CASE("relay: the response-start deadline counts to the first byte only", "[common][forward]") {
    RelayFixture f;
    f.response_start = seconds(2);
    f.start(get());
    SECTION("nothing came") {
        f.time.advance(seconds(2));
        CHECK(f.result->timeout == RelayTimeout::response_start);
        CHECK(contains(f.client_got(), "504"));
    }
    SECTION("a head came") {
        f.time.advance(seconds(1));
        f.backend_says(half_response);
        f.time.advance(seconds(100));
        f.backend_says("cde");
        CHECK(f.result->end == RelayEnd::complete);
    }
    SECTION("an interim response came") {
        f.backend_says("HTTP/1.1 103 Early Hints\r\n\r\n");
        f.time.advance(seconds(100));
        f.backend_says(half_response + "cde");
        CHECK(f.result->end == RelayEnd::complete);
    }
    f.client->end();
}

TEST_CASE("relay: the idle deadline counts from piece to piece", "[common][forward]") {
    RelayFixture f;
    f.idle = seconds(2);
    f.start(get());
    SECTION("no first byte") {
        f.time.advance(seconds(2));
        CHECK(f.result->timeout == RelayTimeout::idle);
        CHECK(contains(f.client_got(), "504"));
        f.client->end();
    }
    SECTION("a byte every second, then none") {
        f.backend_says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        for (int i = 0; i < 10; ++i) {
            f.time.advance(seconds(1));
            f.backend_says("x");
        }
        f.time.advance(milliseconds(1999));
        CHECK_FALSE(f.result);
        f.time.advance(milliseconds(1));
        CHECK(f.result->timeout == RelayTimeout::idle);
        CHECK(f.client->was_reset());
    }
}

// --- The client leaves

TEST_CASE("relay: a client that leaves is noticed at every phase", "[common][forward]") {
    RelayFixture f;
    const bool cleanly = GENERATE(true, false);
    const std::string upload = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc";
    SECTION("while the request cannot be written") {
        f.backend_window = 10;
        f.start(get());
    }
    SECTION("while the backend thinks") {
        f.start(get());
    }
    SECTION("while it uploads") {
        f.start(upload);
    }
    SECTION("before it is told to upload") {
        f.start("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
        f.time.advance(seconds(1));
    }
    SECTION("in mid-response") {
        f.start(get());
        f.backend_says(half_response);
    }
    SECTION("in mid-response, still uploading") {
        f.start(upload);
        f.backend_says(half_response);
    }
    f.client_got();
    if (cleanly) {
        f.client->end();
    } else {
        f.client->break_reads(boost::asio::error::connection_reset);
    }
    f.time.settle();
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::client_gone);
    CHECK(f.client->closed());
    CHECK(f.client_got().empty());
    CHECK_FALSE(f.reusable);
}

TEST_CASE("relay: a client whose side cannot be written to has left", "[common][forward]") {
    RelayFixture f;
    f.start(get());
    f.client->break_writes(boost::asio::error::broken_pipe);
    f.backend_says(half_response);
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::client_gone);
    CHECK(f.client->closed());
}

TEST_CASE("relay: a departed client's job can be waited for", "[common][forward]") {
    RelayFixture f;
    f.drain = true;
    f.start(get());
    const std::string whole = half_response + "cde";
    // The client leaves when so many bytes of the answer have come.
    const std::size_t seen = GENERATE(0U, 1U, 17U, 41U);
    f.backend_says(whole.substr(0, seen));
    f.client->end();
    f.time.settle();
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::client_gone);
    CHECK_FALSE(f.drained);
    CHECK(f.open == 1);
    f.backend_says(whole.substr(seen));
    CHECK(f.drained);
    CHECK(f.open == 0);
}

TEST_CASE("relay: a cancel that meets arriving bytes is not lost", "[common][forward]") {
    RelayFixture f;
    f.start(get());
    // Both are ready in one turn: the backend's read has its bytes when the client's end is seen,
    // and needs more of them.
    f.client->end();
    f.backend->send("HTTP/1.1 200 OK\r\n");
    f.time.settle();
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::client_gone);
}

TEST_CASE("relay: an upload cancelled on a turn in which bytes came ends", "[common][forward]") {
    RelayFixture f;
    f.start("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    f.backend->send("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    f.client->send("5");  // part of a chunk's line: the read wants more
    f.time.settle();
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::complete);
    f.client->end();
}

// --- Upgrades

const std::string upgrade_request =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
const std::string switched =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

TEST_CASE("relay: after an upgrade bytes go both ways, and ends too", "[common][forward]") {
    RelayFixture f;
    f.start(upgrade_request);
    CHECK(f.backend_got() ==
          "GET /ws HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.1.1.1\r\n"
          "Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n");
    f.client_says("early");  // does not wait for the 101
    CHECK(f.backend_got().empty());
    f.backend_says(switched + "hello");
    CHECK(f.client_got() == switched + "hello");
    CHECK(f.backend_got() == "early");
    f.client_says("ping");
    CHECK(f.backend_got() == "ping");
    f.backend_says("pong");
    CHECK(f.client_got() == "pong");
    SECTION("client ends first") {
        f.client->end();
        f.time.settle();
        CHECK(f.backend->send_shut());
        CHECK_FALSE(f.result);
        f.backend_says("last words");
        CHECK(f.client_got() == "last words");
        f.backend->end();
    }
    SECTION("backend ends first") {
        f.backend->end();
        f.time.settle();
        CHECK(f.client->send_shut());
        CHECK_FALSE(f.result);
        f.client_says("last words");
        CHECK(f.backend_got() == "last words");
        f.client->end();
    }
    SECTION("backend breaks") {
        f.backend->break_reads(boost::asio::error::connection_reset);
    }
    SECTION("client breaks") {
        f.client->break_reads(boost::asio::error::connection_reset);
    }
    f.time.settle();
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::complete);
    CHECK(f.result->upgraded);
    CHECK(f.client->closed());
    CHECK_FALSE(f.reusable);
}

TEST_CASE("relay: a tunnel into a backend that takes nothing ends", "[common][forward]") {
    RelayFixture f;
    f.start(upgrade_request);
    f.client_says("early");
    f.backend->break_writes(boost::asio::error::broken_pipe);
    f.backend_says(switched);
    REQUIRE(f.result);
    CHECK(f.result->upgraded);
    CHECK(f.client->closed());
}

TEST_CASE("relay: a tunnel holds back a sender whose receiver does not read", "[common][forward]") {
    RelayFixture f;
    f.start(upgrade_request);
    f.backend_says(switched);
    f.backend->set_window(0);
    f.client_says(std::string(1 << 20, 'x'));
    CHECK(f.client->unread() > 900'000);
    f.backend->set_window(MemoryPeer::unlimited);
    f.time.settle();
    CHECK(f.client->unread() == 0);
    f.client->end();
    f.backend->end();
    f.time.settle();
}

TEST_CASE("relay: a tunnel ends at the total deadline, and stays while bytes go",
          "[common][forward]") {
    RelayFixture f;
    f.total = seconds(100);
    f.response_start = seconds(5);
    f.idle = seconds(10);
    f.start(upgrade_request);
    f.backend_says(switched);
    for (int i = 0; i < 11; ++i) {
        f.time.advance(seconds(9));
        f.client_says("x");
    }
    CHECK_FALSE(f.result);
    f.time.advance(seconds(1));
    REQUIRE(f.result);
    CHECK(f.result->timeout == RelayTimeout::total);
    CHECK(f.client->was_reset());
}

TEST_CASE("relay: an upgrade that was not asked for like this is a failure", "[common][forward]") {
    RelayFixture f;
    SECTION("other protocol") {
        f.start(upgrade_request);
        f.backend_says("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
    }
    SECTION("the request has not come whole") {
        f.start(
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Content-Length: 3\r\n\r\n");
        f.backend_says(switched);
    }
    REQUIRE(f.result);
    CHECK(f.result->end == RelayEnd::backend_failed);
    CHECK(contains(f.client_got(), "502 Bad Gateway"));
    f.client->end();
}

TEST_CASE("relay: a refused upgrade is an ordinary answer", "[common][forward]") {
    RelayFixture f;
    f.start(upgrade_request);
    f.backend_says("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.client_got() == "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    CHECK_FALSE(f.client->send_shut());
    f.client->end();
}

}  // namespace
}  // namespace common
