// TLS over any stream, as its server or its client. OpenSSL never sees a socket: it turns bytes
// into bytes, and what it makes travels through the stream below. So it works over memory in a
// test, and no socket's type leaks in here.
//
// A write is encrypted whole when it begins; as writes come one at a time, at most one of them is
// in memory twice. A write that was cancelled half-way ends the sending side for good: a record cut
// short cannot be continued.
#pragma once

#include <memory>

#include "common/net/stream.hpp"
#include "common/net/tls_config.hpp"
#include "common/time/time_source.hpp"

namespace common {

class TlsStream final : public Stream {
  public:
    TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<const TlsContext> context);
    // As a client; `context` is of make_client().
    TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<const TlsContext> context,
              TlsServerName server);
    ~TlsStream() override;

    // Before anything else. Fails with protocol_error when the other side is not whom we want. A
    // client that speaks HTTP without TLS is told so (contract queue-proxy.md 2). Closes the stream
    // and fails with timed_out after `timeout`.
    awaitable<error_code> handshake(TimeSource& time, Duration timeout);
    // What ALPN chose, as "h2"; empty: the client did not ask.
    std::string protocol() const;

    void async_read_some(boost::asio::mutable_buffer buffer, Handler handler) override;
    void async_write(Buffers buffers, Handler handler) override;
    // Takes nothing: async_write() tries at once itself.
    IoResult write_now(Buffers) override { return {}; }
    void shutdown_send() override;
    void cancel() override;
    void close(bool reset = false) override;
    bool readable_now() override;
    int native_handle() override;
    std::string peer() const override;
    boost::asio::any_io_executor executor() override;
    bool secure() const override { return true; }

  private:
    struct State;
    // Shared with the handlers of the stream below, which may run after us.
    std::shared_ptr<State> state_;
};

}  // namespace common
