// Load over TLS: what does a handshake cost, new and resumed, and what does encryption cost a body?
//
// Each client is a thread with blocking sockets, for clients must not share code with what they
// measure, and a handshake costs a client as much as its server: what counts is the server's own
// CPU. Without --keep each request has a connection of its own; with --resume all but a client's
// first continue the session of the one before. TLS 1.3, one cipher and one group, so that all
// contenders do the same arithmetic. Prints one JSON object; a failed handshake or a wrong answer
// ends the program with status 1.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bench/sockets.hpp"

namespace bench {
namespace {

constexpr const char* cipher = "TLS_AES_128_GCM_SHA256";
constexpr const char* group = "X25519";
constexpr std::size_t read_size = 65536;

struct Options {
    std::uint16_t port = 0;
    unsigned clients = 4;
    double seconds = 1;
    bool keep = false;
    bool resume = false;
    std::string path = "/";
};

struct Totals {
    std::vector<std::uint32_t> latency_us;  // connect, handshake, request and answer
    std::uint64_t handshakes = 0;
    std::uint64_t resumed = 0;
    std::uint64_t bytes = 0;  // of answers' bodies
};

[[noreturn]] void fail_tls(const std::string& what) {
    const unsigned long code = ERR_get_error();
    errno = 0;
    fail(what + (code != 0 ? std::string(": ") + ERR_error_string(code, nullptr) : ""));
}

int connect_to(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("cannot connect");
    return fd;
}

class Client {
  public:
    Client(const Options& options, SSL_CTX* context, std::int64_t end)
        : options_(options), context_(context), end_(end), buffer_(read_size, '\0') {}
    ~Client() { SSL_SESSION_free(session_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void run() {
        while (now_ns() < end_ && !ended) {
            std::int64_t begun = now_ns();
            SSL* const connection = open();
            do {
                ask(connection);
                totals.latency_us.push_back(static_cast<std::uint32_t>((now_ns() - begun) / 1000));
                begun = now_ns();
            } while (options_.keep && begun < end_ && !ended);
            if (options_.resume) {  // its ticket came with the answer
                SSL_SESSION_free(session_);
                session_ = SSL_get1_session(connection);
            }
            SSL_shutdown(connection);
            close(SSL_get_fd(connection));
            SSL_free(connection);
        }
    }

    Totals totals;

  private:
    SSL* open() {
        SSL* const connection = SSL_new(context_);
        SSL_set_fd(connection, connect_to(options_.port));
        if (session_ != nullptr) SSL_set_session(connection, session_);
        if (SSL_connect(connection) != 1) fail_tls("handshake");
        ++totals.handshakes;
        totals.resumed += static_cast<std::uint64_t>(SSL_session_reused(connection));
        return connection;
    }

    void ask(SSL* connection) {
        const std::string request = "GET " + options_.path + " HTTP/1.1\r\nHost: bench\r\n\r\n";
        if (SSL_write(connection, request.data(), static_cast<int>(request.size())) <= 0)
            fail_tls("send");
        std::string head;
        std::size_t end = std::string::npos;
        while (end == std::string::npos) {
            head.append(receive(connection));
            end = head.find("\r\n\r\n");
        }
        if (!head.starts_with("HTTP/1.1 200")) fail("answered " + head.substr(0, end));
        const std::uint64_t length = content_length(std::string_view(head).substr(0, end + 4));
        std::uint64_t got = head.size() - end - 4;
        while (got < length)
            got += receive(connection).size();
        totals.bytes += length;
    }

    std::string_view receive(SSL* connection) {
        const int got = SSL_read(connection, buffer_.data(), static_cast<int>(buffer_.size()));
        if (got <= 0) fail_tls("receive");
        return std::string_view(buffer_).substr(0, static_cast<std::size_t>(got));
    }

    const Options& options_;
    SSL_CTX* context_;
    std::int64_t end_;
    std::string buffer_;
    SSL_SESSION* session_ = nullptr;
};

SSL_CTX* new_context() {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_ciphersuites(context, cipher) != 1 ||
        SSL_CTX_set1_groups_list(context, group) != 1)
        fail_tls("cipher or group");
    return context;
}

std::uint32_t quantile(const std::vector<std::uint32_t>& sorted, double q) {
    if (sorted.empty()) return 0;
    return sorted[std::min(static_cast<std::size_t>(q * static_cast<double>(sorted.size())),
                           sorted.size() - 1)];
}

// Runs all clients to their end.
Totals run_clients(const Options& options, double* wall_s) {
    SSL_CTX* const context = new_context();
    const std::int64_t begun = now_ns();
    const std::int64_t end = begun + static_cast<std::int64_t>(options.seconds * 1e9);
    Totals all;
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options.clients; ++i) {
        threads.emplace_back([&] {
            Client client(options, context, end);
            client.run();
            const std::scoped_lock lock(mutex);
            const Totals& its = client.totals;
            all.latency_us.insert(all.latency_us.end(), its.latency_us.begin(),
                                  its.latency_us.end());
            all.handshakes += its.handshakes;
            all.resumed += its.resumed;
            all.bytes += its.bytes;
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    *wall_s = static_cast<double>(now_ns() - begun) / 1e9;
    SSL_CTX_free(context);
    std::sort(all.latency_us.begin(), all.latency_us.end());
    return all;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    CLI::App app{"The bench's load generator for TLS"};
    bench::Options options;
    app.add_option("--port", options.port, "on 127.0.0.1")->required();
    app.add_option("--clients", options.clients, "at once")->check(CLI::Range(1, 256));
    app.add_option("--seconds", options.seconds, "end after so long");
    app.add_flag("--keep", options.keep, "all requests of a client on one connection");
    app.add_flag("--resume", options.resume, "a connection continues the session before it");
    app.add_option("--path", options.path, "path of each request");
    CLI11_PARSE(app, argc, argv);
    bench::end_on_signal();
    double wall_s = 0;
    const bench::Totals totals = bench::run_clients(options, &wall_s);
    std::printf(
        "{\"good\": %zu, \"handshakes\": %llu, \"resumed\": %llu, \"bytes\": %llu, "
        "\"wall_s\": %.6f, \"p50_us\": %u, \"p99_us\": %u}\n",
        totals.latency_us.size(), static_cast<unsigned long long>(totals.handshakes),
        static_cast<unsigned long long>(totals.resumed),
        static_cast<unsigned long long>(totals.bytes), wall_s,
        bench::quantile(totals.latency_us, 0.5), bench::quantile(totals.latency_us, 0.99));
}
