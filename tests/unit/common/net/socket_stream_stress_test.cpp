// Many sockets at once, whose other ends live in a thread that sends, reads and ends when it likes:
// no byte is lost, and no end, whatever the order in which kernel and event loop see them.
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <catch2/catch.hpp>

#include "common/net/socket_stream.hpp"
#include "tests/support/shell_fixture.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

constexpr std::size_t together = 40;
constexpr std::size_t streams_max = 600;
constexpr int socket_buffer = 4096;  // small, so that writes have to wait too

char byte_at(std::size_t i) {
    return static_cast<char>(i * 31 + (i >> 8));
}

std::string bytes_at(std::size_t from, std::size_t n) {
    std::string bytes(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        bytes[i] = byte_at(from + i);
    return bytes;
}

// What one connection does: bytes to us, bytes from us, and how the other end leaves.
struct Plan {
    std::size_t to_us = 0;
    std::size_t from_us = 0;
};

// The other ends, all in one thread.
class FarEnds {
  public:
    FarEnds() : thread_([this] { run(); }) {}
    ~FarEnds() {
        stop_ = true;
        thread_.join();
        for (const End& end : ends_)
            ::close(end.descriptor);
    }
    void add(int descriptor, const Plan& plan) {
        const std::lock_guard lock(mutex_);
        fresh_.push_back({descriptor, plan, 0, 0});
    }

  private:
    struct End {
        int descriptor;
        Plan plan;
        std::size_t sent;
        std::size_t received;
        bool send_ended = false;
    };

    void run() {
        while (!stop_) {
            {
                const std::lock_guard lock(mutex_);
                ends_.insert(ends_.end(), fresh_.begin(), fresh_.end());
                fresh_.clear();
            }
            for (std::size_t turn = 0; turn < 50 && !ends_.empty(); ++turn) {
                const std::size_t i = random_() % ends_.size();
                if (step(ends_[i])) continue;
                ::close(ends_[i].descriptor);
                ends_[i] = ends_.back();
                ends_.pop_back();
            }
            if (random_() % 4 == 0) std::this_thread::yield();
        }
    }
    // False: this end leaves.
    bool step(End& end) {
        const std::size_t left = end.plan.to_us - end.sent;
        if (left > 0) {
            const std::string some = bytes_at(end.sent, std::min<std::size_t>(left, chunk()));
            const ssize_t n =
                ::send(end.descriptor, some.data(), some.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) end.sent += static_cast<std::size_t>(n);
        }
        char buffer[3000];
        const ssize_t n = ::recv(end.descriptor, buffer, chunk(), MSG_DONTWAIT);
        if (n > 0) end.received += static_cast<std::size_t>(n);
        if (end.sent < end.plan.to_us) return true;
        // Either half-closes with bytes still to come, or leaves at once behind its last ones.
        if (end.received == end.plan.from_us) return false;
        if (!end.send_ended) ::shutdown(end.descriptor, SHUT_WR);
        end.send_ended = true;
        return true;
    }
    std::size_t chunk() { return 1 + random_() % (random_() % 2 == 0 ? 60 : 3000); }

    std::mutex mutex_;
    std::vector<End> fresh_;
    std::vector<End> ends_;
    std::minstd_rand random_{7};
    std::atomic<bool> stop_ = false;
    std::thread thread_;  // last: it uses the others
};

struct Crowd;

// Our end of one connection: reads and writes at once, and goes on when it is cancelled.
class Near {
  public:
    Near(Crowd& crowd, std::size_t place, std::unique_ptr<Stream> stream, const Plan& plan)
        : crowd_(crowd), place_(place), stream_(std::move(stream)), plan_(plan) {}
    void start() {
        read();
        write();
    }
    void cancel() { stream_->cancel(); }
    void close() { stream_->close(); }

  private:
    void read();
    void on_read(error_code ec, std::size_t n);
    void write();
    void maybe_finish();

    Crowd& crowd_;
    std::size_t place_;
    std::unique_ptr<Stream> stream_;
    Plan plan_;
    std::string room_;
    std::string output_;
    asio::const_buffer output_buffer_;
    std::size_t received_ = 0;
    std::size_t written_ = 0;
    bool read_ended_ = false;
    bool write_ended_ = false;
};

struct Crowd {
    ShellFixture f;
    std::minstd_rand random{11};
    std::vector<std::unique_ptr<Near>> near;
    std::size_t begun = 0;
    std::size_t finished = 0;
    std::vector<std::string> failures;
    asio::ip::tcp::acceptor acceptor{f.io, {asio::ip::address_v4::loopback(), 0}};
    bool over = false;
    FarEnds far;  // last: its thread ends first

    // Those that a failure left waiting.
    ~Crowd() {
        over = true;
        for (const std::unique_ptr<Near>& one : near) {
            if (one) one->close();
        }
        f.time.settle();
    }
    // Descriptors of the one that was there are free again, and the kernel gives them out anew.
    void begin(std::size_t place) {
        if (begun == streams_max) return;
        ++begun;
        const Plan plan{random() % 20000, random() % 3 == 0 ? 0 : random() % 20000};
        const bool tcp = random() % 2 == 0;
        int far_end = -1;
        std::unique_ptr<Stream> stream = tcp ? tcp_pair(far_end) : unix_pair(far_end);
        ::setsockopt(far_end, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
        ::setsockopt(stream->native_handle(), SOL_SOCKET, SO_SNDBUF, &socket_buffer,
                     sizeof socket_buffer);
        near[place] = std::make_unique<Near>(*this, place, std::move(stream), plan);
        near[place]->start();
        far.add(far_end, plan);
    }
    std::unique_ptr<Stream> unix_pair(int& far_end) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        UnixSocket socket(f.io);
        socket.assign(asio::local::stream_protocol(), ends[0]);
        far_end = ends[1];
        return make_stream(std::move(socket));
    }
    std::unique_ptr<Stream> tcp_pair(int& far_end) {
        asio::ip::tcp::socket other(f.io);
        other.connect(acceptor.local_endpoint());
        TcpSocket socket(f.io);
        acceptor.accept(socket);
        far_end = other.release();
        return make_stream(std::move(socket));
    }
    void disturb() {
        if (random() % 16 != 0) return;
        const std::unique_ptr<Near>& other = near[random() % near.size()];
        if (other) other->cancel();
    }
};

void Near::read() {
    room_.resize(1 + crowd_.random() % (crowd_.random() % 2 == 0 ? 30 : 5000));
    stream_->async_read_some(asio::buffer(room_),
                             [this](error_code ec, std::size_t n) { on_read(ec, n); });
}

void Near::on_read(error_code ec, std::size_t n) {
    if (crowd_.over) return;
    const bool right = room_.compare(0, n, bytes_at(received_, n)) == 0;
    if (!right) crowd_.failures.push_back("wrong bytes");
    received_ += n;
    crowd_.disturb();
    if (!ec || ec == asio::error::operation_aborted) {
        read();
        return;
    }
    if (ec != asio::error::eof) crowd_.failures.push_back("read: " + ec.message());
    if (received_ != plan_.to_us) crowd_.failures.push_back("bytes lost before the end");
    read_ended_ = true;
    maybe_finish();
}

void Near::write() {
    if (written_ == plan_.from_us) {
        stream_->shutdown_send();
        write_ended_ = true;
        maybe_finish();
        return;
    }
    const std::size_t most = 1 + crowd_.random() % 15000;
    output_ = bytes_at(written_, std::min(most, plan_.from_us - written_));
    output_buffer_ = asio::buffer(output_);
    stream_->async_write({&output_buffer_, 1}, [this](error_code ec, std::size_t n) {
        if (crowd_.over) return;
        written_ += n;
        if (ec && ec != asio::error::operation_aborted)
            crowd_.failures.push_back("write: " + ec.message());
        write();
    });
}

void Near::maybe_finish() {
    if (!read_ended_ || !write_ended_) return;
    Crowd& crowd = crowd_;
    const std::size_t place = place_;
    ++crowd.finished;
    crowd.near[place] = nullptr;  // that was us
    crowd.begin(place);
}

TEST_CASE("socket stream: a crowd loses no byte and no end", "[common][net]") {
    Crowd crowd;
    crowd.near.resize(together);
    for (std::size_t place = 0; place < together; ++place)
        crowd.begin(place);
    const bool all = run_until(crowd.f.io, [&] { return crowd.finished == streams_max; });
    CAPTURE(crowd.begun, crowd.finished);
    CHECK(crowd.failures == std::vector<std::string>{});
    CHECK(all);
}

}  // namespace
}  // namespace common
