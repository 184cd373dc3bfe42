// One request to a backend and its response, whatever the protocol: what Exchange is on the
// client's side. It knows how far it got, which is what decides whether a request may be sent
// elsewhere. Destroyed before its end, it breaks the exchange off.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/async/awaitable.hpp"
#include "common/core/time.hpp"
#include "common/http/body.hpp"
#include "common/http/head.hpp"
#include "common/net/stream.hpp"

namespace common {

class BackendExchange {
  public:
    virtual ~BackendExchange() = default;

    // --- The request. Nothing is written before send_body() or flush().
    virtual void start_request(const RequestHead& head) = 0;
    virtual awaitable<error_code> send_body(BodyPiece piece) = 0;
    virtual awaitable<error_code> flush() = 0;
    virtual bool request_done() const = 0;
    // Bytes of this request that left us. 0: the backend has certainly not begun it.
    virtual std::uint64_t bytes_sent() const = 0;

    // --- The response. An error is eof, bad_message or the socket's.
    // The next head: interim ones (1xx) come one by one, then the final one.
    virtual awaitable<error_code> read_head(ResponseHead& head) = 0;
    // What of the body can be had without waiting. Empty: nothing yet.
    virtual std::optional<BodyRead> body_at_hand() = 0;
    virtual awaitable<BodyRead> read_body() = 0;
    virtual const Fields& trailers() const = 0;
    virtual bool response_done() const = 0;
    // At least one byte of a response came.
    virtual bool response_seen() const = 0;
    // Reads the rest of the response and drops it; returns when it has ended or failed.
    virtual awaitable<void> drain() = 0;

    // --- The connection below.
    // Fit to carry another exchange after this one, as this object (BackendPool::put).
    virtual bool reusable() const = 0;
    // It carried an exchange before this one.
    virtual bool reused() const = 0;
    // Reusable and idle for `idle`, but the backend has closed, or sent bytes that nobody asked
    // for.
    virtual bool stale(Duration idle) = 0;
    // Before it lies idle: frees what a large message made it grow by.
    virtual void release_memory() = 0;

    // --- After a 101: bytes both ways (HTTP/1.1 only).
    virtual awaitable<IoResult> read_tunnel(std::string_view& bytes) = 0;
    virtual awaitable<error_code> write_tunnel(std::string_view bytes) = 0;

    // Ends the operation under way with operation_aborted. One that needs several reads ends even
    // if the present read has just brought bytes (those are kept).
    virtual void cancel() = 0;
    // Breaks the exchange off.
    virtual void close() = 0;
    // Nothing more will be sent: the backend hears that nobody waits any more. HTTP/1.1 half-closes
    // and may still read the response; HTTP/2 resets the stream, and the exchange has ended.
    virtual void shutdown_send() = 0;
    virtual std::string peer() const = 0;
};

}  // namespace common
