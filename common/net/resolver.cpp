#include "common/net/resolver.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>

namespace common {

namespace asio = boost::asio;

awaitable<ResolveResult> resolve(std::string host, std::uint16_t port) {
    ResolveResult result;
    error_code not_ip;
    asio::ip::make_address(host, not_ip);
    if (!not_ip) {
        result.addresses.push_back({host, port, {}});
        co_return result;
    }
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    asio::ip::tcp::resolver resolver(executor);
    constexpr auto token = asio::as_tuple(use_awaitable);
    const std::string service = std::to_string(port);
    const auto [ec, found] = co_await resolver.async_resolve(host, service, token);
    result.ec = ec;
    if (ec) co_return result;
    for (const auto& entry : found)
        result.addresses.push_back({entry.endpoint().address().to_string(), port, {}});
    if (result.addresses.empty()) result.ec = asio::error::host_not_found;
    co_return result;
}

}  // namespace common
