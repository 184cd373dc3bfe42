#include "tests/support/memory_stream.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "common/core/check.hpp"

namespace common {

namespace asio = boost::asio;

void MemoryPeer::send(std::string_view bytes) {
    CHECK(!ended_);
    to_stream_.append(bytes);
    serve_read();
}

void MemoryPeer::end() {
    ended_ = true;
    serve_read();
}

void MemoryPeer::break_reads(error_code ec) {
    read_error_ = ec;
    serve_read();
}

std::string MemoryPeer::take() {
    return std::exchange(received_, {});
}

void MemoryPeer::set_window(std::size_t n) {
    window_ = n;
    serve_write();
}

void MemoryPeer::break_writes(error_code ec) {
    write_error_ = ec;
    serve_write();
}

void MemoryPeer::serve_read() {
    if (!read_handler_ || !read_ready()) return;
    if (to_stream_.empty()) {
        // An error is reported once; like a socket's, the next read finds the end.
        const error_code ec = read_error_ ? read_error_ : error_code(asio::error::eof);
        ended_ = true;
        read_error_ = {};
        finish(read_handler_, ec, 0);
        return;
    }
    const std::size_t n = std::min({to_stream_.size(), read_max_, read_buffer_.size()});
    std::memcpy(read_buffer_.data(), to_stream_.data(), n);
    to_stream_.erase(0, n);
    finish(read_handler_, {}, n);
}

// Takes up to `limit` bytes of `buffers` behind the first `skip`; returns how many.
std::size_t MemoryPeer::accept(Stream::Buffers buffers, std::size_t skip, std::size_t limit) {
    std::size_t taken = 0;
    for (const asio::const_buffer& buffer : buffers) {
        const std::size_t drop = std::min(skip, buffer.size());
        skip -= drop;
        const std::size_t n = std::min({buffer.size() - drop, limit - taken, window_});
        received_.append(static_cast<const char*>(buffer.data()) + drop, n);
        taken += n;
        if (window_ != unlimited) window_ -= n;
    }
    if (taken > 0) ++writes_;
    return taken;
}

void MemoryPeer::serve_write() {
    if (!write_handler_) return;
    if (write_error_) {
        finish(write_handler_, write_error_, write_done_);
        return;
    }
    write_done_ += accept(write_buffers_, write_done_, unlimited);
    if (write_done_ == asio::buffer_size(write_buffers_)) finish(write_handler_, {}, write_done_);
}

void MemoryPeer::finish(Stream::Handler& handler, error_code ec, std::size_t n) {
    asio::post(executor_,
               [h = std::exchange(handler, nullptr), ec, n]() mutable { std::move(h)(ec, n); });
}

void MemoryPeer::abort_operations() {
    if (read_handler_) finish(read_handler_, asio::error::operation_aborted, 0);
    if (write_handler_) finish(write_handler_, asio::error::operation_aborted, write_done_);
}

class MemoryStream final : public Stream {
  public:
    MemoryStream(std::shared_ptr<MemoryPeer> peer, std::string name)
        : peer_(std::move(peer)), name_(std::move(name)) {}
    ~MemoryStream() override { close(false); }

    static std::shared_ptr<MemoryPeer> make_peer(asio::any_io_executor executor) {
        return std::shared_ptr<MemoryPeer>(new MemoryPeer(std::move(executor)));
    }

    void async_read_some(asio::mutable_buffer buffer, Handler handler) override {
        CHECK(!peer_->read_handler_);
        CHECK(buffer.size() > 0);
        peer_->read_buffer_ = buffer;
        peer_->read_handler_.swap(handler);  // assignment recurses in Boost 1.81
        if (peer_->closed_) {
            peer_->finish(peer_->read_handler_, asio::error::bad_descriptor, 0);
            return;
        }
        peer_->serve_read();
    }

    void async_write(Buffers buffers, Handler handler) override {
        CHECK(!peer_->write_handler_);
        peer_->write_buffers_.assign(buffers.begin(), buffers.end());
        peer_->write_done_ = 0;
        peer_->write_handler_.swap(handler);
        if (peer_->closed_) {
            peer_->finish(peer_->write_handler_, asio::error::bad_descriptor, 0);
            return;
        }
        peer_->serve_write();
    }

    IoResult write_now(Buffers buffers) override {
        CHECK(!peer_->write_handler_);
        if (peer_->closed_) return {asio::error::bad_descriptor, 0};
        if (peer_->write_error_) return {peer_->write_error_, 0};
        return {{}, peer_->accept(buffers, 0, peer_->write_now_max_)};
    }

    void shutdown_send() override { peer_->send_shut_ = true; }
    void cancel() override {
        ++peer_->cancels_;
        peer_->abort_operations();
    }
    void close(bool reset) override {
        if (peer_->closed_) return;
        peer_->closed_ = true;
        peer_->reset_ = reset;
        peer_->abort_operations();
    }
    bool readable_now() override { return peer_->read_ready(); }
    int native_handle() override { return -1; }
    std::string peer() const override { return name_; }
    asio::any_io_executor executor() override { return peer_->executor_; }

  private:
    std::shared_ptr<MemoryPeer> peer_;
    std::string name_;
};

MemoryLink make_memory_link(asio::any_io_executor executor, std::string peer) {
    MemoryLink link;
    link.peer = MemoryStream::make_peer(std::move(executor));
    link.stream = std::make_unique<MemoryStream>(link.peer, std::move(peer));
    return link;
}

}  // namespace common
