// See the header. Threads are detached: the process ends with _exit, after what must finish has.
#include "tests/sd_standin/server.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "tests/sd_standin/connection.hpp"
#include "tests/sd_standin/wire_endpoints.hpp"

namespace standin {
namespace {

constexpr std::size_t largest_body = 64 << 20;  // base64 sources and masks are megabytes
constexpr std::size_t stack_size = 1 << 20;     // thousands of threads fit
constexpr int backlog = 4096;
constexpr auto pause_after_accept_error = std::chrono::milliseconds(50);

Response plain_error(int status, const char* message) {
    return {status, "application/json", {}, std::string(R"({"detail":")") + message + "\"}"};
}

bool refuse(Connection& connection, const Request& request, int status, const char* message) {
    if (connection.send(format_response(plain_error(status, message), request, false))) {
        connection.linger();
    }
    return false;
}

std::string shown_host(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

Server::Server(const Options& options, Endpoints& endpoints)
    : options_(options), endpoints_(endpoints) {}

std::string Server::problem(int error) const {
    return "cannot listen on " + shown_host(options_.listen_host) + ":" +
           std::to_string(options_.port) + ": " + std::strerror(error);
}

std::string Server::bind() {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string host =
        options_.listen_host == "localhost" ? "127.0.0.1" : options_.listen_host;
    if (getaddrinfo(host.c_str(), std::to_string(options_.port).c_str(), &hints, &found) != 0) {
        return "--listen-host: \"" + options_.listen_host + "\" is not a numeric address";
    }
    listener_ = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int result = ::bind(listener_, found->ai_addr, found->ai_addrlen);
    const int error = errno;
    freeaddrinfo(found);
    return result == 0 ? std::string() : problem(error);
}

std::string Server::open() {
    if (listen(listener_, backlog) != 0) return problem(errno);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_size);
    pthread_setattr_default_np(&attributes);  // std::thread has no say in it
    pthread_attr_destroy(&attributes);
    std::thread([this] { accept_connections(); }).detach();
    return {};
}

std::string Server::url() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    const auto port = address.ss_family == AF_INET6
                          ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                          : reinterpret_cast<const sockaddr_in&>(address).sin_port;
    return "http://" + shown_host(options_.listen_host) + ":" + std::to_string(ntohs(port));
}

void Server::stop_accepting() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
}

void Server::accept_connections() {
    while (!stopping_) {
        const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (descriptor >= 0) {
            start_thread(descriptor);
        } else if (errno != EINTR && errno != ECONNABORTED && !stopping_) {
            std::this_thread::sleep_for(pause_after_accept_error);  // out of descriptors
        }
    }
    close(listener_);
}

void Server::start_thread(int descriptor) {
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connections_ < options_.max_connections) {
        ++connections_;
        try {
            std::thread([this, descriptor] {
                serve(descriptor);
                --connections_;
            }).detach();
            return;
        } catch (const std::system_error&) {
            --connections_;  // no thread to be had: as if over the limit
        }
    }
    Connection connection(descriptor);
    connection.send(format_response(plain_error(503, "too many connections"), Request(), false));
}

void Server::serve(int descriptor) {
    Connection connection(descriptor);
    while (!stopping_ && serve_one(connection)) {
    }
}

bool Server::serve_one(Connection& connection) {
    Request request;
    switch (connection.read_head(request, options_.keep_alive_s)) {
        case Connection::Head::complete:
            break;
        case Connection::Head::closed:
            return false;
        case Connection::Head::malformed:
            return refuse(connection, request, 400, "malformed request");
        case Connection::Head::too_large:
            return refuse(connection, request, 431, "request head over 64 KiB");
        case Connection::Head::unknown_coding:
            return refuse(connection, request, 501, "unknown transfer coding");
    }
    endpoints_.stats().request_read();
    const Wire wire = serve_wire_endpoint(connection, request);
    if (wire != Wire::not_mine) return wire == Wire::keep;
    if (connection.declared_length() > largest_body) {
        return refuse(connection, request, 413, "body over 64 MiB");
    }
    return serve_with_body(connection, request);
}

bool Server::serve_with_body(Connection& connection, Request& request) {
    bool too_large = false;
    const bool whole = connection.read_body([&](std::string_view piece) {
        too_large = request.body.size() + piece.size() > largest_body;
        if (!too_large) request.body += piece;
        return !too_large;
    });
    if (too_large) return refuse(connection, request, 413, "body over 64 MiB");
    if (!whole) return false;
    const bool is_generation = Endpoints::is_generation(request);
    if (is_generation) ++unanswered_;
    const Response response = endpoints_.answer(request, [&] { return connection.client_left(); });
    const bool keep = connection.may_persist() && !stopping_;
    const bool sent = connection.send(format_response(response, request, keep));
    if (is_generation) --unanswered_;
    return sent && keep;
}

}  // namespace standin
