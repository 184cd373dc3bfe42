// What does it cost at least to carry bytes from one connection to another?
//
// A plain byte relay on one epoll: one connection to the backend for each client connection, every
// readable event is one read and one write. It parses nothing, limits nothing and reuses nothing,
// so no proxy of HTTP can be cheaper per message in the same style; it is the bench's lower bound.
// Bytes that the other side does not take at once are kept, and reading stops until they are gone.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/sockets.hpp"

namespace bench {
namespace {

constexpr std::uint64_t listener_tag = ~std::uint64_t{0};

struct Side {
    int fd = -1;
    std::string unsent;  // for this side, from the other one
    bool connected = true;
    bool finished = false;  // has sent its last byte
};

struct Pair {
    std::array<Side, 2> sides;
    std::uint64_t index = 0;
    bool open = false;
};

class Relay {
  public:
    Relay(std::uint16_t port, std::uint16_t backend)
        : epoll_(new_epoll()), listener_(listen_on(port)), backend_(backend), buffer_(65536) {
        watch(epoll_, listener_, EPOLLIN, listener_tag);
    }

    std::uint16_t port() const { return port_of(listener_); }

    void run() {
        std::array<epoll_event, 256> events{};
        while (!ended) {
            const int n = wait_events(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < n; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                if (event.data.u64 == listener_tag) {
                    accept_all();
                } else {
                    handle(*pairs_[event.data.u64 >> 1], event.data.u64 & 1, event.events);
                }
            }
            // Only now: an event of this round may still have named them.
            free_.insert(free_.end(), closed_.begin(), closed_.end());
            closed_.clear();
        }
    }

  private:
    void accept_all() {
        for (int fd = accept_from(listener_); fd >= 0; fd = accept_from(listener_)) {
            const int back = begin_connect(backend_);
            if (back < 0) {
                close(fd);
                continue;
            }
            Pair& pair = new_pair();
            pair.open = true;
            pair.sides[0] = Side{.fd = fd, .unsent = {}};
            pair.sides[1] = Side{.fd = back, .unsent = {}, .connected = false};
            watch(epoll_, fd, EPOLLIN, pair.index << 1);
            watch(epoll_, back, EPOLLIN | EPOLLOUT, pair.index << 1 | 1);
        }
    }

    Pair& new_pair() {
        if (free_.empty()) {
            pairs_.push_back(std::make_unique<Pair>());
            pairs_.back()->index = pairs_.size() - 1;
            return *pairs_.back();
        }
        const std::uint64_t index = free_.back();
        free_.pop_back();
        return *pairs_[index];
    }

    void handle(Pair& pair, std::uint64_t side, std::uint32_t events) {
        if (pair.open && (events & EPOLLOUT) != 0) flush(pair, side);
        if (pair.open && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) pump(pair, side);
    }

    // One read from `side`, one write to the other.
    void pump(Pair& pair, std::uint64_t side) {
        Side& from = pair.sides[side];
        Side& to = pair.sides[1 - side];
        const ssize_t got = read(from.fd, buffer_.data(), buffer_.size());
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return close_pair(pair);
        const auto size = static_cast<std::size_t>(got);
        ssize_t sent = to.connected ? send(to.fd, buffer_.data(), size, MSG_NOSIGNAL) : 0;
        if (sent < 0 && errno != EAGAIN) return close_pair(pair);
        sent = sent < 0 ? 0 : sent;
        if (static_cast<std::size_t>(sent) == size) return;
        to.unsent.append(buffer_.data() + sent, size - static_cast<std::size_t>(sent));
        rearm(pair, side);
        rearm(pair, 1 - side);
    }

    void flush(Pair& pair, std::uint64_t side) {
        Side& to = pair.sides[side];
        to.connected = true;
        if (!to.unsent.empty()) {
            const ssize_t sent = send(to.fd, to.unsent.data(), to.unsent.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) return close_pair(pair);
            to.unsent.erase(0, static_cast<std::size_t>(sent < 0 ? 0 : sent));
        }
        rearm(pair, side);
        rearm(pair, 1 - side);
    }

    void rearm(const Pair& pair, std::uint64_t side) {
        const Side& self = pair.sides[side];
        const bool may_read = pair.sides[1 - side].unsent.empty();
        const bool must_write = !self.connected || !self.unsent.empty();
        const std::uint32_t events = (may_read ? EPOLLIN : 0U) | (must_write ? EPOLLOUT : 0U);
        watch(epoll_, self.fd, events, pair.index << 1 | side, true);
    }

    void close_pair(Pair& pair) {
        for (Side& side : pair.sides) {
            close(side.fd);
            side = Side{};
        }
        pair.open = false;
        closed_.push_back(pair.index);
    }

    int epoll_;
    int listener_;
    std::uint16_t backend_;
    std::vector<char> buffer_;
    std::vector<std::unique_ptr<Pair>> pairs_;
    std::vector<std::uint64_t> free_;
    std::vector<std::uint64_t> closed_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    CLI::App app{"Byte relay: the floor of the bench"};
    std::uint16_t port = 0;
    std::uint16_t backend = 0;
    app.add_option("--port", port, "where clients call on 127.0.0.1 (0: any)");
    app.add_option("--backend", backend, "port of the backend on 127.0.0.1")->required();
    CLI11_PARSE(app, argc, argv);
    bench::raise_descriptor_limit();
    bench::end_on_signal();
    bench::Relay relay(port, backend);
    std::printf("%u\n", relay.port());
    std::fflush(stdout);
    relay.run();
}
