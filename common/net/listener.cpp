#include "common/net/listener.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "common/async/sleep.hpp"
#include "common/log/log.hpp"
#include "common/net/socket_stream.hpp"

namespace common {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr Duration pause_first = std::chrono::milliseconds(10);
constexpr Duration pause_max = std::chrono::seconds(1);
// Connections that the kernel may hold for us between two turns of the event loop.
constexpr int backlog = 4096;

}  // namespace

struct Listener::Shared {
    Shared(const asio::any_io_executor& executor, TimeSource& t)
        : acceptor(loop_executor(executor)), time(t) {}
    TcpAcceptor acceptor;
    TimeSource& time;
    std::size_t errors = 0;
    OnConnection on_connection;
};

Listener::Listener(TaskGroup& tasks, TimeSource& time)
    : tasks_(tasks), shared_(std::make_shared<Shared>(tasks.executor(), time)) {}

Listener::~Listener() {
    close();
}

std::string Listener::open(const Address& address) {
    error_code ec;
    tcp::endpoint endpoint(tcp::v6(), address.port);
    if (!address.host.empty()) endpoint = {asio::ip::make_address(address.host, ec), address.port};
    TcpAcceptor& acceptor = shared_->acceptor;
    if (!ec) acceptor.open(endpoint.protocol(), ec);
    if (ec == asio::error::address_family_not_supported && address.host.empty()) {
        endpoint = {tcp::v4(), address.port};
        acceptor.open(endpoint.protocol(), ec);
    }
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec && address.host.empty() && endpoint.protocol() == tcp::v6()) {
        acceptor.set_option(asio::ip::v6_only(false), ec);
    }
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(backlog, ec);
    if (ec) {
        error_code ignored;
        acceptor.close(ignored);
        return to_string(address) + ": " + ec.message();
    }
    local_ = address;
    local_.port = acceptor.local_endpoint(ec).port();
    return {};
}

std::string Listener::adopt(UniqueFd socket) {
    sockaddr_storage name{};
    socklen_t name_size = sizeof name;
    int listens = 0;
    socklen_t size = sizeof listens;
    const bool good =
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
        listens == 1 &&
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &name_size) == 0 &&
        (name.ss_family == AF_INET || name.ss_family == AF_INET6);
    if (!good) return "the socket that was handed over does not listen on TCP";
    error_code ec;
    TcpAcceptor& acceptor = shared_->acceptor;
    acceptor.assign(name.ss_family == AF_INET ? tcp::v4() : tcp::v6(), socket.get(), ec);
    if (ec) return "the socket that was handed over: " + ec.message();
    socket.release();
    const tcp::endpoint endpoint = acceptor.local_endpoint(ec);
    local_ = {endpoint.address().to_string(), endpoint.port(), {}};
    return {};
}

int Listener::native_handle() {
    return shared_->acceptor.native_handle();
}

void Listener::start(OnConnection on_connection) {
    shared_->on_connection = std::move(on_connection);
    tasks_.spawn("accept", accept_loop(shared_));
}

std::size_t Listener::accept_errors() const {
    return shared_->errors;
}

void Listener::close() {
    TcpAcceptor& acceptor = shared_->acceptor;
    if (!acceptor.is_open()) return;
    // Not close(): it trusts the kernel to take the socket out of epoll's set, which does not
    // happen while another process has it open, too; and events of a forgotten entry are poison.
    error_code ignored;
    const UniqueFd last(acceptor.release(ignored));
}

awaitable<void> Listener::accept_loop(std::shared_ptr<Shared> shared) {
    constexpr auto token = asio::as_tuple(use_awaitable);
    Duration pause = pause_first;
    while (shared->acceptor.is_open()) {
        auto [ec, socket] = co_await shared->acceptor.async_accept(token);
        if (!shared->acceptor.is_open()) co_return;
        if (!ec) {
            pause = pause_first;
            shared->on_connection(make_stream(std::move(socket)));
            continue;
        }
        ++shared->errors;
        log_warning("accept_failed", "cannot accept a connection", {{"error", ec.message()}});
        co_await sleep_for(shared->time, pause);
        pause = std::min(pause * 2, pause_max);
    }
}

}  // namespace common
