// A Stream whose other end is the test itself. The test sends bytes, takes what was written, and
// decides how the transport misbehaves: reads split anywhere, writes that take only part, a peer
// that stops reading, errors, an end behind unread bytes. Nothing blocks and nothing is random, so
// every interleaving that a test describes is the one that runs.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/stream.hpp"

namespace common {

// The test's end.
class MemoryPeer {
  public:
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

    // --- What the stream reads.
    void send(std::string_view bytes);
    // The stream reads eof after what was sent.
    void end();
    // The stream's reads fail with `ec` after what was sent.
    void break_reads(error_code ec);
    // No read returns more than `n` bytes.
    void split_reads(std::size_t n) { read_max_ = n; }
    // Bytes that were sent and that nobody has read.
    std::size_t unread() const { return to_stream_.size(); }

    // --- What the stream wrote.
    const std::string& received() const { return received_; }
    // Returns and forgets it.
    std::string take();
    // From now on writes go through for `n` bytes in all; then they wait.
    void set_window(std::size_t n);
    void open_window(std::size_t n) {
        set_window(window_ > unlimited - n ? unlimited : window_ + n);
    }
    // write_now() takes no more than `n` bytes at a time; 0: every write has to wait its turn.
    void limit_write_now(std::size_t n) { write_now_max_ = n; }
    void break_writes(error_code ec);
    // How many times bytes came through: the system calls that a socket would have cost.
    std::size_t writes() const { return writes_; }
    bool write_waits() const { return write_handler_ != nullptr; }

    // --- What became of the stream.
    bool send_shut() const { return send_shut_ || closed_; }
    bool closed() const { return closed_; }
    bool was_reset() const { return reset_; }
    bool read_waits() const { return read_handler_ != nullptr; }
    std::size_t cancels() const { return cancels_; }

  private:
    friend class MemoryStream;
    explicit MemoryPeer(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    bool read_ready() const { return !to_stream_.empty() || ended_ || read_error_; }
    void serve_read();
    void serve_write();
    std::size_t accept(Stream::Buffers buffers, std::size_t skip, std::size_t limit);
    void finish(Stream::Handler& handler, error_code ec, std::size_t n);
    void abort_operations();

    boost::asio::any_io_executor executor_;
    std::string to_stream_;
    std::size_t read_max_ = unlimited;
    bool ended_ = false;
    error_code read_error_;
    boost::asio::mutable_buffer read_buffer_;
    Stream::Handler read_handler_;

    std::string received_;
    std::size_t window_ = unlimited;
    std::size_t write_now_max_ = unlimited;
    error_code write_error_;
    std::size_t writes_ = 0;
    std::vector<boost::asio::const_buffer> write_buffers_;
    std::size_t write_done_ = 0;
    Stream::Handler write_handler_;

    bool send_shut_ = false;
    bool closed_ = false;
    bool reset_ = false;
    std::size_t cancels_ = 0;
};

struct MemoryLink {
    std::unique_ptr<Stream> stream;
    std::shared_ptr<MemoryPeer> peer;
};

// `peer` is what Stream::peer() says.
MemoryLink make_memory_link(boost::asio::any_io_executor executor,
                            std::string peer = "10.1.1.1:4711");

}  // namespace common
