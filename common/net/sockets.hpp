// Socket types bound to the event loop's own executor. Asio's defaults hold a type-erased one, and
// every operation on them allocates to keep track of it.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "common/async/awaitable.hpp"

namespace common {

using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, LoopExecutor>;
using TcpAcceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, LoopExecutor>;
using UnixSocket =
    boost::asio::basic_stream_socket<boost::asio::local::stream_protocol, LoopExecutor>;

}  // namespace common
