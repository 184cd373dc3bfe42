// A connected byte stream: TCP, a Unix socket, later TLS, or memory in a test. HTTP code sees only
// this interface, which also keeps socket templates out of every other translation unit.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include "common/async/awaitable.hpp"
#include "common/async/completion.hpp"

namespace common {

using error_code = boost::system::error_code;

struct IoResult {
    error_code ec;
    std::size_t n = 0;
};

class Stream {
  public:
    using Handler = Completion<void(error_code, std::size_t)>;
    using Buffers = std::span<const boost::asio::const_buffer>;

    virtual ~Stream() = default;

    // Reads at least one byte, or fails (eof when the peer ended its sending side). The handler
    // runs from the event loop. REQUIRES: no other read is under way; the buffer lives until the
    // handler runs.
    virtual void async_read_some(boost::asio::mutable_buffer buffer, Handler handler) = 0;
    // Writes all bytes (fewer only if it was cancelled). REQUIRES: no other write is under way;
    // buffers live until the handler runs.
    virtual void async_write(Buffers buffers, Handler handler) = 0;
    // Writes what goes without waiting (possibly nothing).
    virtual IoResult write_now(Buffers buffers) = 0;
    // Ends the sending side; the peer reads eof after what was written.
    virtual void shutdown_send() = 0;
    // Ends operations under way with operation_aborted, but for those that have their result and
    // only wait for the event loop to tell it; the stream stays usable for reading.
    virtual void cancel() = 0;
    // Closes at once; operations under way end as by cancel(). `reset`: the peer sees a broken
    // connection, not an end.
    virtual void close(bool reset = false) = 0;
    // True if a read would find eof, an error, or bytes: an idle connection of which this is true
    // is of no use.
    virtual bool readable_now() = 0;
    // False: readable_now() was false when the event loop last looked, which costs no system call.
    virtual bool may_be_readable() { return true; }
    // The descriptor to watch for hang-up; -1 if there is none.
    virtual int native_handle() = 0;
    // "10.0.0.1:4711", "unix", …
    virtual std::string peer() const = 0;
    virtual boost::asio::any_io_executor executor() = 0;
    // Nobody on the way can read or change the bytes.
    virtual bool secure() const { return false; }
};

// Coroutine forms. Errors come back in the result; nothing is thrown.
awaitable<IoResult> read_some(Stream& stream, boost::asio::mutable_buffer buffer);
// Tries without waiting first: most messages fit the socket's buffer and cost one system call and
// no suspension.
awaitable<error_code> write_all(Stream& stream, Stream::Buffers buffers);
// The same after a write_now() that took only the first `sent` bytes.
awaitable<error_code> write_rest(Stream& stream, Stream::Buffers buffers, std::size_t sent);

}  // namespace common
