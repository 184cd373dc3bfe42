// One request of a client and its response, whatever the protocol. serve_request talks to this and
// to nothing below it, so HTTP/2 can come in as a second implementation.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/async/awaitable.hpp"
#include "common/http/body.hpp"
#include "common/http/head.hpp"
#include "common/net/stream.hpp"

namespace common {

class Exchange {
  public:
    virtual ~Exchange() = default;

    virtual const RequestHead& request() const = 0;
    // "10.0.0.1:4711"
    virtual std::string peer() const = 0;
    virtual bool secure() const = 0;

    // --- The request's body.
    // What can be had without waiting. Empty: nothing yet. A request without a body gives `last`
    // once.
    virtual std::optional<BodyRead> body_at_hand() = 0;
    virtual awaitable<BodyRead> read_body() = 0;
    virtual bool body_done() const = 0;
    // Frees read buffers that are not in use, before a long wait.
    virtual void release_memory() = 0;

    // --- The response.
    // 1xx; 100 Continue goes to a client that asked for it.
    virtual awaitable<error_code> send_interim(const ResponseHead& head) = 0;
    // Takes the final head; it leaves with the first send_body() or flush(). Framing is taken from
    // head.body.
    virtual void start_response(ResponseHead head) = 0;
    virtual awaitable<error_code> send_body(BodyPiece piece) = 0;
    virtual awaitable<error_code> flush() = 0;
    // Trailer fields that go out with the last piece (chunked only).
    virtual void set_trailers(const Fields& trailers) = 0;
    // The final head has been taken (start_response), or an upgrade was sent.
    virtual bool response_started() const = 0;
    virtual bool response_done() const = 0;
    // The response cannot be completed: the client must see a broken message, never a short one
    // that looks whole.
    virtual void abort() = 0;

    // --- The client.
    // `on_gone` runs once, from the event loop, when the client closes its connection, also behind
    // bytes that nobody has read. Replaces what was watched for before; null stops the watch.
    virtual void watch_client(std::function<void()> on_gone) = 0;
    virtual bool client_gone() const = 0;
    // Ends a read or write under way with operation_aborted.
    virtual void cancel() = 0;

    // --- Upgraded connections (after send_interim of a 101): bytes both ways.
    virtual awaitable<error_code> send_upgrade(const ResponseHead& head) = 0;
    virtual awaitable<IoResult> read_tunnel(std::string_view& bytes) = 0;
    virtual awaitable<error_code> write_tunnel(std::string_view bytes) = 0;
    virtual void shutdown_tunnel() = 0;
};

}  // namespace common
