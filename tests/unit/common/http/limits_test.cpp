// What clients may take of us: at each limit, and one past it.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <catch2/catch.hpp>

#include "common/crypto/certificates.hpp"
#include "common/http/http_server.hpp"
#include "common/http/simple_response.hpp"
#include "common/net/tls_config.hpp"
#include "tests/support/http2_fixture.hpp"
#include "tests/support/server_fixture.hpp"

namespace common {
namespace {

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

TEST_CASE("limits: the last request of a connection is answered, and says so", "[common][http]") {
    ServerFixture f(answer_target);
    f.context.limits.requests_per_connection_max = 2;
    const auto client = f.connect();
    CHECK_FALSE(contains(f.exchange(*client, get("/1")), "Connection: close"));
    const std::string last = f.exchange(*client, get("/2") + get("/3"));
    CHECK(contains(last, "HTTP/1.1 200 OK"));
    CHECK(contains(last, "Connection: close"));
    CHECK(last.ends_with("/2"));
    CHECK(client->send_shut());
    client->end();
}

TEST_CASE("limits: a target of so many bytes, and one more", "[common][http]") {
    ServerFixture f(answer_target);
    f.context.limits.parser.target_bytes_max = 100;
    const auto client = f.connect();
    const std::string target(100, '/');
    CHECK(f.exchange(*client, get(target)).ends_with("\r\n\r\n" + target));
    CHECK(f.exchange(*client, get(target + "x")).starts_with("HTTP/1.1 414 "));
    CHECK(client->send_shut());
    client->end();
}

// An incomplete head of which `bytes` are held: its target, an empty list of fields, and a field
// without an end.
std::string head_holding(std::size_t bytes) {
    const std::size_t others = 1 + Fields().capacity_bytes() + 3;
    return "GET / HTTP/1.1\r\nX: " + std::string(bytes - others, 'x');
}

TEST_CASE("limits: incomplete heads share a bound, small ones do not count", "[common][http]") {
    ServerFixture f(answer_target);
    f.context.limits.large_heads_bytes_max = 20'000;
    const auto large = f.connect();
    CHECK(f.exchange(*large, head_holding(4096 + 20'000)).empty());
    CHECK(f.context.large_heads_bytes == 20'000);

    const auto second = f.connect();
    CHECK(f.exchange(*second, head_holding(4096)).empty());
    CHECK(f.exchange(*second, "x").starts_with("HTTP/1.1 431 "));
    second->end();
    const auto small = f.connect();
    CHECK(f.exchange(*small, get("/small")).ends_with("/small"));
    small->end();

    CHECK(contains(f.exchange(*large, "\r\nHost: h\r\n\r\n"), "200 OK"));
    CHECK(f.context.large_heads_bytes == 0);
    large->end();
}

TEST_CASE("limits: complete fields of an incomplete head count too", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    std::string head = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 50; ++i)
        head += "X: " + std::string(1000, 'x') + "\r\n";
    CHECK(f.exchange(*client, head).empty());
    CHECK(f.context.large_heads_bytes >= 50 * 1000 - 4096);
    client->end();
}

TEST_CASE("limits: a head that is never ended gives its share back", "[common][http]") {
    ServerFixture f(answer_target);
    const auto client = f.connect();
    f.exchange(*client, "GET / HTTP/1.1\r\nX: " + std::string(9000, 'x'));
    CHECK(f.context.large_heads_bytes > 0);
    SECTION("when the client leaves") {
        client->end();
        f.time.settle();
    }
    SECTION("when its time is over") {
        f.time.advance(f.context.limits.head_timeout);
        client->end();
        f.time.settle();
    }
    CHECK(f.context.large_heads_bytes == 0);
    CHECK(f.open == 0);
}

// --- Connections, on real sockets.

class TcpClient {
  public:
    TcpClient(const Address& server, const char* from) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const sockaddr_in near = address(from, 0);
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&near), sizeof near) == 0);
        const sockaddr_in far = address("127.0.0.1", server.port);
        REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&far), sizeof far) == 0);
    }
    TcpClient(const TcpClient&) = delete;
    TcpClient& operator=(const TcpClient&) = delete;
    ~TcpClient() { ::close(fd_); }

    void send(std::string_view bytes) const {
        REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
    }
    // The server has ended the connection, with or without a reset. Reads what came before.
    bool ended() {
        char buffer[4096];
        while (true) {
            const ssize_t n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
            if (n <= 0) return n == 0 || errno == ECONNRESET;
            received.append(buffer, static_cast<std::size_t>(n));
        }
    }
    bool has_received() { return ended() || !received.empty(); }
    std::string received;

  private:
    static sockaddr_in address(const char* host, std::uint16_t port) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_port = htons(port);
        inet_pton(AF_INET, host, &a.sin_addr);
        return a;
    }
    int fd_;
};

// Answers when the client has left.
awaitable<void> wait_for_end(Exchange& exchange) {
    Signal gone(co_await boost::asio::this_coro::executor);
    exchange.watch_client([&gone] { gone.notify(); });
    co_await gone.wait();
}

class LimitedServer : public ShellFixture {
  public:
    LimitedServer(std::size_t all, std::size_t per_client, ServerConnection::Handler handler,
                  const std::shared_ptr<const TlsContext>& tls = nullptr)
        : server(tasks, time, hangups, limits_of(all, per_client), std::move(handler)) {
        if (tls) server.secure_with([tls] { return tls; });
        const Address any{"127.0.0.1", 0, ""};
        REQUIRE(server.open(any).empty());
        server.start();
    }
    ~LimitedServer() {
        // The test's clients are gone by now.
        CHECK(until([&] { return server.connections() == 0; }));
        server.close_now();
        CHECK(until([&] { return tasks.size() == 0; }));
    }
    std::unique_ptr<TcpClient> connect(const char* from = "127.0.0.1") {
        auto client = std::make_unique<TcpClient>(server.local_address(), from);
        const std::size_t seen = accepted() + 1;
        ++made_;
        CHECK(until([&] { return accepted() >= seen || accepted() == made_; }));
        return client;
    }
    bool until(const std::function<bool()>& done) { return run_until(io, done); }

    HttpServer server;

  private:
    static ServerLimits limits_of(std::size_t all, std::size_t per_client) {
        ServerLimits limits;
        limits.connections_max = all;
        limits.connections_per_client_max = per_client;
        limits.http2 = true;
        return limits;
    }
    // Connections that the server has dealt with so far, in one way or another.
    std::size_t accepted() const {
        return server.connections() + server.refused() + server.evicted();
    }
    std::size_t made_ = 0;
};

TEST_CASE("limits: at the limit the oldest connection without a request makes room",
          "[common][http]") {
    LimitedServer f(3, 0, answer_target);
    const auto first = f.connect();
    const auto second = f.connect();
    second->send("GET /half HTTP/1.1\r\n");  // a head under way is no request yet
    const auto third = f.connect();
    CHECK(f.server.connections() == 3);
    CHECK(f.server.evicted() == 0);
    const auto fourth = f.connect();
    CHECK(f.until([&] { return first->ended(); }));
    CHECK(f.server.evicted() == 1);
    const auto fifth = f.connect();
    CHECK(f.until([&] { return second->ended(); }));
    CHECK_FALSE(third->ended());
    fifth->send(get("/served"));
    CHECK(f.until([&] { return fifth->ended() || contains(fifth->received, "/served"); }));
    CHECK(contains(fifth->received, "200 OK"));
    CHECK(f.server.refused() == 0);
}

TEST_CASE("limits: a connection of HTTP/2 makes room until it has a whole request",
          "[common][http]") {
    std::size_t serving = 0;
    LimitedServer f(2, 0, [&serving](Exchange& exchange) {
        ++serving;
        return wait_for_end(exchange);
    });
    const std::string hello = std::string(http2::preface) + http2::frame(http2::settings, 0, 0, {});
    const auto served = f.connect();
    served->send(hello + http2::frame(http2::headers, http2::end_stream | http2::end_headers, 1,
                                      http2::get_head()));
    const auto half = f.connect();
    half->send(hello + http2::frame(http2::headers, http2::end_stream, 1, http2::get_head()));
    CHECK(f.until([&] { return serving == 1 && half->has_received(); }));
    const auto third = f.connect();
    CHECK(f.until([&] { return half->ended(); }));
    CHECK(f.server.evicted() == 1);
    CHECK_FALSE(served->ended());
    CHECK_FALSE(third->ended());
}

TEST_CASE("limits: when every connection has a request, the next one is closed", "[common][http]") {
    std::size_t serving = 0;
    LimitedServer f(2, 0, [&serving](Exchange& exchange) {
        ++serving;
        return wait_for_end(exchange);
    });
    const auto first = f.connect();
    const auto second = f.connect();
    first->send(get());
    second->send(get());
    CHECK(f.until([&] { return serving == 2; }));
    const auto third = f.connect();
    CHECK(f.until([&] { return third->ended(); }));
    CHECK(f.server.refused() == 1);
    CHECK(f.server.evicted() == 0);
    CHECK_FALSE(first->ended());
    CHECK_FALSE(second->ended());
}

TEST_CASE("limits: one address cannot take the place of others", "[common][http]") {
    LimitedServer f(10, 2, answer_target);
    const auto other = f.connect("127.0.0.2");
    const auto first = f.connect();
    const auto second = f.connect();
    CHECK(f.server.evicted() == 0);
    const auto third = f.connect();
    CHECK(f.until([&] { return first->ended(); }));
    CHECK_FALSE(other->ended());
    CHECK(f.server.evicted() == 1);
    CHECK(f.until([&] { return f.server.connections() == 3; }));
    other->send(get("/other"));
    CHECK(f.until([&] { return other->ended() || contains(other->received, "/other"); }));
}

TEST_CASE("limits: a TLS handshake has ten seconds", "[common][http]") {
    const MadeCertificate made = make_server_certificate(
        {"localhost"}, WallTime{std::chrono::hours(490'000)}, std::chrono::hours(48));
    const TlsContext::Made tls = TlsContext::make(made.certificate, made.key, TlsParameters{});
    REQUIRE(tls.context);
    LimitedServer f(10, 0, answer_target, tls.context);
    const auto silent = f.connect();
    const auto slow = f.connect();
    slow->send("\x16\x03");  // the beginning of a hello
    f.time.advance(std::chrono::seconds(10) - std::chrono::milliseconds(1));
    CHECK(f.server.connections() == 2);
    CHECK_FALSE(silent->ended());
    slow->send("\x01");  // moves nothing
    f.time.advance(std::chrono::milliseconds(1));
    CHECK(f.until([&] { return silent->ended() && slow->ended(); }));
    CHECK(f.until([&] { return f.server.connections() == 0; }));
}

}  // namespace
}  // namespace common
