#include "common/net/dialer.hpp"

#include <netinet/tcp.h>
#include <sys/un.h>

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>

#include "common/async/watchdog.hpp"
#include "common/net/socket_stream.hpp"

namespace common {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

using KeepIdle = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
using KeepInterval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
constexpr int keepalive_seconds = 5;

template <class Socket, class Endpoint>
awaitable<error_code> connect(TimeSource& time, Socket& socket, Endpoint endpoint,
                              Duration timeout) {
    constexpr auto token = asio::as_tuple(use_awaitable);
    Watchdog watchdog(time, [&socket] {
        error_code ignored;
        socket.close(ignored);
    });
    watchdog.set(time.now() + timeout);
    const auto [ec] = co_await socket.async_connect(endpoint, token);
    if (watchdog.expired()) co_return asio::error::timed_out;
    co_return ec;
}

void keep_alive(TcpSocket& socket) {
    error_code ignored;
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    socket.set_option(KeepIdle(keepalive_seconds), ignored);
    socket.set_option(KeepInterval(keepalive_seconds), ignored);
}

}  // namespace

awaitable<DialResult> dial(TimeSource& time, Address address, Duration timeout) {
    const LoopExecutor executor = loop_executor(co_await asio::this_coro::executor);
    DialResult result;
    if (!address.unix_path.empty()) {
        // The endpoint's constructor would throw.
        if (address.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
            result.ec = asio::error::name_too_long;
            co_return result;
        }
        UnixSocket socket(executor);
        const asio::local::stream_protocol::endpoint endpoint(address.unix_path);
        result.ec = co_await connect(time, socket, endpoint, timeout);
        if (!result.ec) result.stream = make_stream(std::move(socket));
        co_return result;
    }
    const auto ip = asio::ip::make_address(address.host, result.ec);
    if (result.ec) co_return result;
    TcpSocket socket(executor);
    const tcp::endpoint endpoint(ip, address.port);
    result.ec = co_await connect(time, socket, endpoint, timeout);
    if (!result.ec) {
        keep_alive(socket);
        result.stream = make_stream(std::move(socket));
    }
    co_return result;
}

}  // namespace common
