// Stream over a connected socket of any address family.
#pragma once

#include <memory>

#include "common/net/sockets.hpp"
#include "common/net/stream.hpp"

namespace common {

// Takes the socket over; sets TCP_NODELAY (responses are written whole, waiting for more would only
// delay them).
std::unique_ptr<Stream> make_stream(TcpSocket socket);
std::unique_ptr<Stream> make_stream(UnixSocket socket);

}  // namespace common
