// The coroutine type of all shells. It knows the event loop's own executor: Asio's default is a
// type-erased one, which each coroutine would copy and destroy.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace common {

using LoopExecutor = boost::asio::io_context::executor_type;

// REQUIRES: `executor` is an io_context's.
LoopExecutor loop_executor(const boost::asio::any_io_executor& executor);

template <class T>
using awaitable = boost::asio::awaitable<T, LoopExecutor>;
inline constexpr boost::asio::use_awaitable_t<LoopExecutor> use_awaitable;

}  // namespace common
