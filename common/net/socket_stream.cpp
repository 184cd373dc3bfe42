#include "common/net/socket_stream.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "common/core/check.hpp"
#include "common/net/socket_poller.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

// Gathered pieces per sendmsg: a head, and the parts of a body that were parsed from one read.
constexpr std::size_t iovecs_max = 64;

std::string describe(const asio::ip::tcp::endpoint& endpoint) {
    const bool v6 = endpoint.address().is_v6();
    const std::string address = endpoint.address().to_string();
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

std::string describe(const asio::local::stream_protocol::endpoint&) {
    return "unix";
}

error_code last_error() {
    return {errno, boost::system::system_category()};
}

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

// Sends what goes without waiting of `buffers` behind their first `skip` bytes. No bytes and no
// error: the kernel takes nothing now.
IoResult send_some(int descriptor, Stream::Buffers buffers, std::size_t skip) {
    std::array<iovec, iovecs_max> pieces;
    std::size_t count = 0;
    for (const asio::const_buffer& whole : buffers) {
        if (count == pieces.size()) break;
        const asio::const_buffer buffer = whole + skip;  // empty if it is shorter
        skip -= std::min(skip, whole.size());
        if (buffer.size() == 0) continue;
        pieces[count].iov_base = const_cast<void*>(buffer.data());
        pieces[count].iov_len = buffer.size();
        ++count;
    }
    if (count == 0) return {};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    ssize_t n;
    do {
        // The kernel's shorter way for one piece.
        n = count == 1 ? ::send(descriptor, pieces[0].iov_base, pieces[0].iov_len, flags)
                       : ::sendmsg(descriptor, &message, flags);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) return {{}, static_cast<std::size_t>(n)};
    if (would_block()) return {};
    return {last_error(), 0};
}

class SocketStream final : public Stream, private SocketPoller::Socket {
  public:
    SocketStream(LoopExecutor executor, int descriptor, std::string peer)
        : executor_(std::move(executor)),
          poller_(SocketPoller::of(executor_)),
          descriptor_(descriptor),
          place_(poller_.add(descriptor, *this)),
          peer_(std::move(peer)) {
        if (place_ != SocketPoller::none) return;
        ::close(descriptor_);  // reads and writes will say so
        descriptor_ = -1;
    }
    ~SocketStream() override { close(false); }

    void async_read_some(asio::mutable_buffer buffer, Handler handler) override {
        CHECK(!read_);
        IoResult result{asio::error::bad_descriptor, 0};
        if (descriptor_ < 0 || (readable_ && read_now(buffer, result))) {
            complete_later(std::move(handler), result);
            return;
        }
        read_buffer_ = buffer;
        read_ = std::move(handler);
        poller_.operation_started();
    }

    void async_write(Buffers buffers, Handler handler) override {
        CHECK(!write_);
        write_buffers_ = buffers;
        written_ = 0;
        IoResult result{asio::error::bad_descriptor, 0};
        if (descriptor_ < 0 || write_on(result)) {
            complete_later(std::move(handler), result);
            return;
        }
        write_ = std::move(handler);
        poller_.operation_started();
    }

    IoResult write_now(Buffers buffers) override {
        if (descriptor_ < 0) return {asio::error::bad_descriptor, 0};
        return send_some(descriptor_, buffers, 0);
    }

    void shutdown_send() override {
        if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_WR);
    }

    void cancel() override {
        const error_code aborted = asio::error::operation_aborted;
        if (read_) complete_later(take(read_), {aborted, 0});
        if (write_) complete_later(take(write_), {aborted, written_});
    }

    void close(bool reset) override {
        if (descriptor_ < 0) return;
        if (reset) {
            const linger now{.l_onoff = 1, .l_linger = 0};
            ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        }
        poller_.remove(place_, descriptor_);
        ::close(descriptor_);
        descriptor_ = -1;
        cancel();
    }

    bool readable_now() override {
        char byte;
        const ssize_t n = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return n >= 0 || !would_block();
    }
    bool may_be_readable() override { return readable_; }

    int native_handle() override { return descriptor_; }
    std::string peer() const override { return peer_; }
    asio::any_io_executor executor() override { return executor_; }

  private:
    void on_ready(std::uint32_t events, std::vector<SocketPoller::Ended>& ended) override {
        const bool over = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        // Behind the bytes at hand comes the end, or (urgent data, at which a read stops) more.
        if (over || (events & EPOLLPRI) != 0) short_read_empties_ = false;
        if (over || (events & (EPOLLIN | EPOLLPRI)) != 0) readable_ = true;
        IoResult result;
        if (read_ && readable_ && read_now(read_buffer_, result))
            ended.push_back({take(read_), result});
        if (write_ && write_on(result)) ended.push_back({take(write_), result});
    }

    void abandon() override {
        const Handler read = std::move(read_);
        const Handler write = std::move(write_);
    }

    // False: nothing is there yet, and the poller will tell.
    bool read_now(asio::mutable_buffer buffer, IoResult& result) {
        result = {};
        if (buffer.size() == 0) return true;
        ssize_t n;
        do {
            n = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        } while (n < 0 && errno == EINTR);
        if (n < 0 && would_block()) {
            readable_ = false;
            return false;
        }
        if (n < 0) result.ec = last_error();
        if (n == 0) result.ec = asio::error::eof;
        if (n <= 0) return true;
        result.n = static_cast<std::size_t>(n);
        // What comes from now on is a new event (epoll(7), question 9).
        if (result.n < buffer.size() && short_read_empties_) readable_ = false;
        return true;
    }

    // Goes on with the write under way. False: the kernel takes no more for now.
    bool write_on(IoResult& result) {
        const std::size_t all = asio::buffer_size(write_buffers_);
        while (written_ < all) {
            const IoResult step = send_some(descriptor_, write_buffers_, written_);
            written_ += step.n;
            result = {step.ec, written_};
            if (step.ec) return true;
            if (step.n == 0) return false;
        }
        result = {error_code{}, written_};
        return true;
    }

    Handler take(Handler& handler) {
        poller_.operation_ended();
        return std::move(handler);
    }

    void complete_later(Handler handler, IoResult result) {
        asio::post(executor_, [handler = std::move(handler), result]() mutable {
            handler(result.ec, result.n);
        });
    }

    LoopExecutor executor_;
    SocketPoller& poller_;
    int descriptor_;
    SocketPoller::Id place_;
    bool readable_ = false;  // a read may find something; the poller tells when that becomes true
    bool short_read_empties_ = true;
    Handler read_;
    asio::mutable_buffer read_buffer_;
    Handler write_;
    Buffers write_buffers_;
    std::size_t written_ = 0;
    std::string peer_;
};

template <class Socket>
std::unique_ptr<Stream> make_from(Socket socket) {
    error_code ignored;
    std::string peer = describe(socket.remote_endpoint(ignored));
    const LoopExecutor executor = socket.get_executor();
    const int descriptor = socket.release(ignored);
    return std::make_unique<SocketStream>(executor, descriptor, std::move(peer));
}

}  // namespace

std::unique_ptr<Stream> make_stream(TcpSocket socket) {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    return make_from(std::move(socket));
}

std::unique_ptr<Stream> make_stream(UnixSocket socket) {
    return make_from(std::move(socket));
}

}  // namespace common
