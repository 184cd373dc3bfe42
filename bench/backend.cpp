// An application that costs next to nothing and does what its path says, so that what is measured
// is the proxy before it.
//
//   /bytes/N       N bytes of answer          /sleep/US/ID    answers after US microseconds
//   anything else  a small answer at once; a body is read and dropped in all cases
//
// With --delay every small answer takes that long. At its end (SIGTERM) it says on stdout how many
// requests came and how many it held at once at most, and with --log writes "ID begin end" (ns of
// CLOCK_MONOTONIC) for each /sleep request. One thread, one epoll, HTTP/1.1 keep-alive, requests
// with Content-Length only (what a chunked body would do here: not needed, closes the connection).
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/sockets.hpp"

namespace bench {
namespace {

constexpr std::uint64_t listener_tag = ~std::uint64_t{0};
constexpr std::string_view small_answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\nhello, neighbour";

struct Options {
    std::uint16_t port = 0;
    std::int64_t delay_us = 0;
    std::string log;
};

struct Connection {
    int fd = -1;
    std::uint64_t index = 0;
    std::uint64_t generation = 0;  // tells a timer that its connection is another one by now
    std::string in;
    std::uint64_t body_left = 0;  // of the request, still to be read and dropped
    std::uint64_t answer_left = 0;
    std::int64_t begun = 0;  // /sleep: when the request was here
    std::uint64_t id = 0;
    std::int64_t sleep_ns = 0;
    std::uint64_t bytes = 0;  // wanted by /bytes
    bool busy = false;        // between a request's head and its answer's last byte
    bool waits_to_write = false;
};

struct Timer {
    std::int64_t due;
    std::uint64_t index;
    std::uint64_t generation;
    bool operator>(const Timer& other) const { return due > other.due; }
};

struct Record {
    std::uint64_t id;
    std::int64_t begin;
    std::int64_t end;
};

std::uint64_t number_at(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

class Backend {
  public:
    explicit Backend(const Options& options)
        : options_(options),
          epoll_(new_epoll()),
          listener_(listen_on(options.port)),
          scratch_(262144, 'x') {
        watch(epoll_, listener_, EPOLLIN, listener_tag);
    }

    std::uint16_t port() const { return port_of(listener_); }

    void run() {
        std::array<epoll_event, 256> events{};
        while (!ended) {
            const std::int64_t wait =
                timers_.empty() ? -1 : std::max<std::int64_t>(timers_.top().due - now_ns(), 0);
            const int n = wait_events(epoll_, events.data(), static_cast<int>(events.size()), wait);
            for (int i = 0; i < n; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                if (event.data.u64 == listener_tag) {
                    accept_all();
                } else {
                    handle(*connections_[event.data.u64], event.events);
                }
            }
            fire_timers();
            free_.insert(free_.end(), closed_.begin(), closed_.end());
            closed_.clear();
        }
    }

    void report() const {
        if (!options_.log.empty()) {
            std::FILE* file = std::fopen(options_.log.c_str(), "w");
            if (file == nullptr) fail("cannot write " + options_.log);
            for (const Record& record : records_) {
                std::fprintf(file, "%llu %lld %lld\n", static_cast<unsigned long long>(record.id),
                             static_cast<long long>(record.begin),
                             static_cast<long long>(record.end));
            }
            std::fclose(file);
        }
        std::printf("{\"requests\": %llu, \"at_once_max\": %llu}\n",
                    static_cast<unsigned long long>(requests_),
                    static_cast<unsigned long long>(at_once_max_));
    }

  private:
    void accept_all() {
        for (int fd = accept_from(listener_); fd >= 0; fd = accept_from(listener_)) {
            if (free_.empty()) {
                connections_.push_back(std::make_unique<Connection>());
                connections_.back()->index = connections_.size() - 1;
                free_.push_back(connections_.back()->index);
            }
            Connection& c = *connections_[free_.back()];
            free_.pop_back();
            c.fd = fd;
            watch(epoll_, fd, EPOLLIN, c.index);
        }
    }

    void handle(Connection& c, std::uint32_t events) {
        if (c.fd >= 0 && (events & EPOLLOUT) != 0) write_bytes(c);
        if (c.fd >= 0 && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(c);
    }

    void receive(Connection& c) {
        const ssize_t got = read(c.fd, scratch_.data(), scratch_.size());
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return drop(c);
        std::string_view data(scratch_.data(), static_cast<std::size_t>(got));
        if (c.body_left > 0) {
            const auto take = std::min<std::uint64_t>(c.body_left, data.size());
            c.body_left -= take;
            data.remove_prefix(take);
            if (c.body_left == 0) answer(c);
        }
        if (c.fd < 0 || data.empty()) return;
        c.in.append(data);
        if (!c.busy) take_requests(c);
    }

    void take_requests(Connection& c) {
        while (c.fd >= 0 && !c.busy) {
            const std::size_t end = c.in.find("\r\n\r\n");
            if (end == std::string::npos) return;
            const std::string_view head(c.in.data(), end + 4);
            if (!header_of(head, "transfer-encoding").empty()) return drop(c);
            begin(c, head);
            c.in.erase(0, end + 4);
            const auto take = std::min<std::uint64_t>(c.body_left, c.in.size());
            c.in.erase(0, take);
            c.body_left -= take;
            if (c.body_left == 0) answer(c);
        }
    }

    void begin(Connection& c, std::string_view head) {
        const std::size_t path_at = head.find(' ') + 1;
        const std::string_view path = head.substr(path_at, head.find(' ', path_at) - path_at);
        c.busy = true;
        c.body_left = content_length(head);
        c.bytes = path.starts_with("/bytes/") ? number_at(path.substr(7)) : 0;
        c.sleep_ns = options_.delay_us * 1000;
        c.begun = 0;
        if (path.starts_with("/sleep/")) {
            c.sleep_ns = static_cast<std::int64_t>(number_at(path.substr(7))) * 1000;
            c.id = number_at(path.substr(path.rfind('/') + 1));
            c.begun = now_ns();
        }
        ++requests_;
        at_once_max_ = std::max(at_once_max_, ++at_once_);
    }

    // The whole request is here.
    void answer(Connection& c) {
        if (c.bytes > 0) {
            const std::string head =
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(c.bytes) + "\r\n\r\n";
            if (send(c.fd, head.data(), head.size(), MSG_NOSIGNAL) < 0) return drop(c);
            c.answer_left = c.bytes;
            return write_bytes(c);
        }
        if (c.sleep_ns == 0) return answer_small(c);
        timers_.push({now_ns() + c.sleep_ns, c.index, c.generation});
    }

    void answer_small(Connection& c) {
        if (c.begun != 0) records_.push_back({c.id, c.begun, now_ns()});
        // A small answer always fits the socket's buffer: the one before has been read.
        if (send(c.fd, small_answer.data(), small_answer.size(), MSG_NOSIGNAL) < 0) {
            return drop(c);
        }
        done(c);
    }

    void write_bytes(Connection& c) {
        while (c.answer_left > 0) {
            const auto size = std::min<std::uint64_t>(c.answer_left, scratch_.size());
            const ssize_t sent = send(c.fd, scratch_.data(), size, MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) return drop(c);
            if (sent < 0) {
                if (!c.waits_to_write) watch(epoll_, c.fd, EPOLLIN | EPOLLOUT, c.index, true);
                c.waits_to_write = true;
                return;
            }
            c.answer_left -= static_cast<std::uint64_t>(sent);
        }
        if (c.waits_to_write) watch(epoll_, c.fd, EPOLLIN, c.index, true);
        c.waits_to_write = false;
        if (c.busy) done(c);
    }

    void done(Connection& c) {
        c.busy = false;
        --at_once_;
        if (!c.in.empty()) take_requests(c);
    }

    void fire_timers() {
        while (!timers_.empty() && timers_.top().due <= now_ns()) {
            const Timer timer = timers_.top();
            timers_.pop();
            Connection& c = *connections_[timer.index];
            if (c.generation == timer.generation) {
                answer_small(c);
            } else {
                --at_once_;  // its client left; the work was done all the same
            }
        }
    }

    void drop(Connection& c) {
        const bool works_on = c.busy && c.sleep_ns > 0 && c.body_left == 0 && c.bytes == 0;
        if (c.busy && !works_on) --at_once_;  // else: when its timer ends
        close(c.fd);
        const std::uint64_t index = c.index;
        const std::uint64_t generation = c.generation + 1;
        c = Connection{};
        c.index = index;
        c.generation = generation;
        closed_.push_back(index);
    }

    Options options_;
    int epoll_;
    int listener_;
    std::string scratch_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<std::uint64_t> free_;
    std::vector<std::uint64_t> closed_;
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
    std::vector<Record> records_;
    std::uint64_t requests_ = 0;
    std::uint64_t at_once_ = 0;
    std::uint64_t at_once_max_ = 0;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    CLI::App app{"The bench's application"};
    bench::Options options;
    app.add_option("--port", options.port, "on 127.0.0.1 (0: any)");
    app.add_option("--delay", options.delay_us, "microseconds that a small answer takes");
    app.add_option("--log", options.log, "file for begin and end of each /sleep request");
    CLI11_PARSE(app, argc, argv);
    bench::raise_descriptor_limit();
    bench::end_on_signal();
    bench::Backend backend(options);
    std::printf("%u\n", backend.port());
    std::fflush(stdout);
    backend.run();
    backend.report();
}
