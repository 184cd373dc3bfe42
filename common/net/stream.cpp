#include "common/net/stream.hpp"

#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>

namespace common {
namespace {

namespace asio = boost::asio;

constexpr auto tuple_awaitable = asio::as_tuple(use_awaitable);
using Token = decltype(tuple_awaitable);

auto start_write(Stream& stream, Stream::Buffers buffers) {
    return asio::async_initiate<const Token&, void(error_code, std::size_t)>(
        [&stream, buffers](auto handler) { stream.async_write(buffers, std::move(handler)); },
        tuple_awaitable);
}

}  // namespace

// Not a coroutine of its own: it is on the way of each message.
awaitable<IoResult> read_some(Stream& stream, asio::mutable_buffer buffer) {
    return asio::async_initiate<decltype(use_awaitable)&, void(IoResult)>(
        [&stream, buffer](auto handler) {
            auto complete = [handler = std::move(handler)](error_code ec, std::size_t n) mutable {
                std::move(handler)(IoResult{ec, n});
            };
            stream.async_read_some(buffer, std::move(complete));
        },
        use_awaitable);
}

awaitable<error_code> write_all(Stream& stream, Stream::Buffers buffers) {
    const IoResult first = stream.write_now(buffers);
    if (first.ec) co_return first.ec;
    if (first.n == asio::buffer_size(buffers)) co_return error_code{};
    co_return co_await write_rest(stream, buffers, first.n);
}

awaitable<error_code> write_rest(Stream& stream, Stream::Buffers buffers, std::size_t sent) {
    std::vector<asio::const_buffer> rest;
    for (const asio::const_buffer& buffer : buffers) {
        if (sent >= buffer.size()) {
            sent -= buffer.size();
            continue;
        }
        rest.push_back(buffer + sent);
        sent = 0;
    }
    const Stream::Buffers remaining(rest);
    const auto [ec, n] = co_await start_write(stream, remaining);
    // Cancelled between two of its steps: none of them failed, but not all bytes went.
    if (!ec && n < asio::buffer_size(rest)) co_return asio::error::operation_aborted;
    co_return ec;
}

}  // namespace common
