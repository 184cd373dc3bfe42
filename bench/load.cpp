// A load generator whose own cost is small and whose clock is honest.
//
// Closed loop: each of --connections sends its next request when its answer is complete. Open loop
// (--rate): requests are due on a fixed schedule, whatever the answers do, and latency counts from
// the due time, so a server that stalls cannot slow the questioner (no coordinated omission); an
// idle connection is used again, else a new one is opened, up to --connections. One thread, one
// epoll. Answers need Content-Length. Prints one JSON object.
#include "bench/load.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <deque>
#include <random>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "bench/sockets.hpp"

namespace bench {
namespace {

// Connections that are being opened at once by a closed loop: fewer than a listener's usual backlog
// (4,096), or the kernel drops some, and their second try comes a second later.
constexpr std::uint64_t opening_limit = 1'000;

struct Client {
    int fd = -1;
    bool opening = false;
    std::uint64_t generation = 0;  // counts requests, so that a give-up knows its own
    bool busy = false;
    bool waits_to_write = false;
    std::string out;
    std::size_t out_at = 0;
    std::uint64_t upload_left = 0;
    std::string head;  // of the answer, until it is complete
    bool in_body = false;
    std::uint64_t body_left = 0;
    bool closes = false;
    int status = 0;
    std::uint64_t id = 0;
    std::int64_t service_ns = 0;
    std::int64_t started = 0;
    std::string cookie;  // outlives requests and connections
};

struct GiveUp {
    std::int64_t due;
    std::uint64_t index;
    std::uint64_t generation;
};

class Load {
  public:
    explicit Load(const LoadOptions& options)
        : options_(options),
          epoll_(new_epoll()),
          clients_(options.connections),
          scratch_(262144, 'x'),
          random_(options.seed) {
        result_.latency_us.reserve(1 << 20);
        for (std::uint64_t i = options.connections; i > 0; --i)
            idle_.push_back(i - 1);
    }

    LoadResult run() {
        begun_ = now_ns();
        const std::int64_t never = INT64_MAX;
        stop_ = options_.seconds > 0 ? begun_ + to_ns(options_.seconds) : never;
        std::array<epoll_event, 256> events{};
        std::int64_t drain_end = never;
        while (!ended) {
            const std::int64_t now = now_ns();
            if (drain_end == never && sending_over(now)) drain_end = now + to_ns(options_.drain_s);
            if (drain_end != never && (in_flight_ == 0 || now >= drain_end)) break;
            if (drain_end == never) send_due(now);
            leave_due(now);
            const int n = wait_events(epoll_, events.data(), static_cast<int>(events.size()),
                                      std::max<std::int64_t>(next_due(drain_end) - now_ns(), 0));
            for (int i = 0; i < n; ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                handle(event.data.u64, event.events);
            }
        }
        result_.left_over = in_flight_;
        result_.wall_s = static_cast<double>(last_ - begun_) / 1e9;
        return std::move(result_);
    }

  private:
    static std::int64_t to_ns(double seconds) { return std::llround(seconds * 1e9); }

    bool sending_over(std::int64_t now) const {
        return now >= stop_ || (options_.requests > 0 && result_.sent >= options_.requests);
    }

    std::int64_t due_time(std::uint64_t number) const {
        return begun_ + to_ns(static_cast<double>(number) / options_.rate);
    }

    std::int64_t next_due(std::int64_t drain_end) const {
        std::int64_t due = std::min(stop_, drain_end);
        if (drain_end != INT64_MAX) due = drain_end;
        if (options_.rate > 0 && drain_end == INT64_MAX) due = std::min(due, due_time(scheduled_));
        if (!give_ups_.empty()) due = std::min(due, give_ups_.front().due);
        return std::min(due, now_ns() + 1'000'000'000);
    }

    void send_due(std::int64_t now) {
        if (options_.rate > 0) {
            while (due_time(scheduled_) <= now && !sending_over(now)) {
                if (idle_.empty()) {
                    ++result_.late;
                } else {
                    start(take_idle(), due_time(scheduled_));
                }
                ++scheduled_;
            }
            return;
        }
        // Those that could not connect at once try again in the next round only.
        for (std::size_t tries = idle_.size();
             tries > 0 && opening_ < opening_limit && !sending_over(now); --tries) {
            start(take_idle(), now_ns());
        }
    }

    std::uint64_t take_idle() {
        const std::uint64_t index = idle_.back();
        idle_.pop_back();
        return index;
    }

    void start(std::uint64_t index, std::int64_t at) {
        Client& c = clients_[index];
        if (c.fd < 0) {
            const std::uint64_t source = options_.sources > 1 ? index % options_.sources + 1 : 0;
            c.fd = begin_connect(options_.ports[index % options_.ports.size()], source);
            if (c.fd < 0) fail("out of connections");
            watch(epoll_, c.fd, EPOLLIN | EPOLLOUT, index);
            c.opening = true;
            ++opening_;
            c.waits_to_write = true;
        }
        c.busy = true;
        ++c.generation;
        c.started = at;
        c.id = result_.sent++;
        c.out_at = 0;
        c.upload_left = options_.upload;
        c.head.clear();
        c.in_body = false;
        c.closes = false;
        c.status = 0;
        write_head(c);
        ++in_flight_;
        if (options_.give_up_s > 0) {
            give_ups_.push_back({at + to_ns(options_.give_up_s), index, c.generation});
        }
        if (!c.waits_to_write) send_more(index);
    }

    void write_head(Client& c) {
        std::string path = options_.path;
        if (options_.sleep_mean_us > 0) {
            // The mean of a lognormal is exp(mu + sigma^2 / 2).
            const double sigma = options_.sleep_sigma;
            std::lognormal_distribution<double> draw(
                std::log(options_.sleep_mean_us) - sigma * sigma / 2, sigma);
            const std::int64_t us = std::max<std::int64_t>(std::llround(draw(random_)), 1);
            c.service_ns = us * 1000;
            path = "/sleep/" + std::to_string(us) + "/" + std::to_string(c.id);
        }
        const std::string service =
            options_.hosts > 0 ? "s" + std::to_string(c.id % options_.hosts) + "." : "";
        c.out = (options_.upload > 0 ? "POST " : "GET ") + path + " HTTP/1.1\r\nHost: " + service +
                options_.host + "\r\nUser-Agent: bench\r\nAccept: */*\r\n";
        if (options_.upload > 0) {
            c.out += "Content-Length: " + std::to_string(options_.upload) + "\r\n";
        }
        if (!c.cookie.empty()) c.out += "Cookie: " + c.cookie + "\r\n";
        c.out += "\r\n";
    }

    void handle(std::uint64_t index, std::uint32_t events) {
        Client& c = clients_[index];
        opened(c);
        if (c.fd >= 0 && (events & EPOLLOUT) != 0) send_more(index);
        if (c.fd >= 0 && (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(index);
    }

    // Or has failed to, or is closed before.
    void opened(Client& c) {
        if (c.opening) --opening_;
        c.opening = false;
    }

    // Returns what the kernel took of `data`; closes the connection on an error.
    std::size_t push(std::uint64_t index, std::string_view data) {
        const ssize_t sent = send(clients_[index].fd, data.data(), data.size(), MSG_NOSIGNAL);
        if (sent >= 0) return static_cast<std::size_t>(sent);
        // The answer may be there already although the body was not taken: let receive() look.
        if (errno != EAGAIN && errno != EPIPE && errno != ENOTCONN) lose(index);
        return 0;
    }

    void send_more(std::uint64_t index) {
        Client& c = clients_[index];
        while (c.fd >= 0 && c.out_at < c.out.size()) {
            const std::size_t n = push(index, std::string_view(c.out).substr(c.out_at));
            if (n == 0) break;
            c.out_at += n;
        }
        while (c.fd >= 0 && c.out_at == c.out.size() && c.upload_left > 0) {
            const std::size_t size = std::min<std::uint64_t>(c.upload_left, scratch_.size());
            const std::size_t n = push(index, std::string_view(scratch_).substr(0, size));
            if (n == 0) break;
            c.upload_left -= n;
            result_.bytes += n;
        }
        if (c.fd < 0) return;
        const bool must_write = c.out_at < c.out.size() || c.upload_left > 0;
        if (must_write == c.waits_to_write) return;
        c.waits_to_write = must_write;
        watch(epoll_, c.fd, must_write ? EPOLLIN | EPOLLOUT : EPOLLIN, index, true);
    }

    void receive(std::uint64_t index) {
        Client& c = clients_[index];
        const ssize_t got = read(c.fd, read_buffer_.data(), read_buffer_.size());
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0 || !c.busy) return lose(index);
        std::string_view data(read_buffer_.data(), static_cast<std::size_t>(got));
        if (!c.in_body) {
            c.head.append(data);
            const std::size_t end = c.head.find("\r\n\r\n");
            if (end == std::string::npos) return;
            const std::string_view head = std::string_view(c.head).substr(0, end + 4);
            c.status = std::atoi(c.head.c_str() + 9);
            if (!header_of(head, "transfer-encoding").empty()) fail("a chunked answer");
            c.body_left = content_length(head);
            c.closes = header_of(head, "connection") == "close";
            if (options_.cookies) {
                const std::string_view cookie = header_of(head, "set-cookie");
                if (!cookie.empty()) c.cookie = cookie.substr(0, cookie.find(';'));
            }
            c.in_body = true;
            data.remove_prefix(data.size() - (c.head.size() - end - 4));
        }
        c.body_left -= std::min<std::uint64_t>(c.body_left, data.size());
        result_.bytes += data.size();
        if (c.body_left == 0) finish(index);
    }

    void finish(std::uint64_t index) {
        Client& c = clients_[index];
        const std::int64_t now = now_ns();
        ++(c.status == 200 ? result_.good : result_.other_status);
        if (c.status == 200) {
            result_.latency_us.push_back(static_cast<std::uint32_t>((now - c.started) / 1000));
        }
        free_client(index, now, c.closes || c.upload_left > 0);
        // The next request at once, not in the next round: closed loops must not idle.
        if (options_.rate <= 0 && !sending_over(now) && !idle_.empty() && clients_[index].fd >= 0) {
            start(take_idle(), now);
        }
    }

    // The connection ended; if a request was on it, without an answer.
    void lose(std::uint64_t index) {
        if (clients_[index].busy) {
            ++result_.broken;
            free_client(index, now_ns(), true);
        } else {
            close(clients_[index].fd);
            clients_[index].fd = -1;
        }
    }

    void free_client(std::uint64_t index, std::int64_t now, bool close_it) {
        Client& c = clients_[index];
        if (!options_.log.empty()) {
            result_.records.push_back({c.id, c.service_ns, c.started, now, c.status});
        }
        last_ = now;
        c.busy = false;
        --in_flight_;
        if (close_it) {
            opened(c);
            close(c.fd);
            c.fd = -1;
            c.waits_to_write = false;
        }
        idle_.push_back(index);
    }

    void leave_due(std::int64_t now) {
        while (!give_ups_.empty() && give_ups_.front().due <= now) {
            const GiveUp leave = give_ups_.front();
            give_ups_.pop_front();
            Client& c = clients_[leave.index];
            if (!c.busy || c.generation != leave.generation) continue;
            ++result_.gave_up;
            free_client(leave.index, now, true);
        }
    }

    LoadOptions options_;
    int epoll_;
    std::vector<Client> clients_;
    std::vector<std::uint64_t> idle_;
    std::deque<GiveUp> give_ups_;  // in order of time: all clients have the same patience
    std::string scratch_;
    std::array<char, 262144> read_buffer_{};
    std::mt19937_64 random_;
    LoadResult result_;
    std::uint64_t in_flight_ = 0;
    std::uint64_t opening_ = 0;
    std::uint64_t scheduled_ = 0;
    std::int64_t begun_ = 0;
    std::int64_t stop_ = 0;
    std::int64_t last_ = 0;
};

std::uint32_t quantile(std::vector<std::uint32_t>& sorted, double q) {
    if (sorted.empty()) return 0;
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
    return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void print(LoadResult& result) {
    std::vector<std::uint32_t>& us = result.latency_us;
    std::sort(us.begin(), us.end());
    double sum = 0;
    for (const std::uint32_t value : us)
        sum += value;
    const double mean = us.empty() ? 0 : sum / static_cast<double>(us.size());
    const auto number = [](std::uint64_t n) { return std::to_string(n); };
    std::string text =
        "{\"sent\": " + number(result.sent) + ", \"good\": " + number(result.good) +
        ", \"other_status\": " + number(result.other_status) +
        ", \"broken\": " + number(result.broken) + ", \"gave_up\": " + number(result.gave_up) +
        ", \"left_over\": " + number(result.left_over) + ", \"late\": " + number(result.late) +
        ", \"bytes\": " + number(result.bytes) + ", \"wall_s\": " + std::to_string(result.wall_s) +
        ", \"mean_us\": " + std::to_string(mean);
    for (const auto& [name, q] : {std::pair{"p50_us", 0.5},
                                  {"p90_us", 0.9},
                                  {"p95_us", 0.95},
                                  {"p99_us", 0.99},
                                  {"max_us", 1.0}}) {
        text += std::string(", \"") + name + "\": " + number(quantile(us, q));
    }
    std::printf("%s}\n", text.c_str());
}

void write_log(const LoadResult& result, const std::string& name) {
    std::FILE* file = std::fopen(name.c_str(), "w");
    if (file == nullptr) fail("cannot write " + name);
    for (const LoadRecord& r : result.records) {
        std::fprintf(file, "%llu %lld %lld %lld %d\n", static_cast<unsigned long long>(r.id),
                     static_cast<long long>(r.service_ns), static_cast<long long>(r.sent),
                     static_cast<long long>(r.done), r.status);
    }
    std::fclose(file);
}

}  // namespace

LoadResult run_load(const LoadOptions& options) {
    return Load(options).run();
}

}  // namespace bench

int main(int argc, char** argv) {
    CLI::App app{"The bench's load generator"};
    bench::LoadOptions options;
    app.add_option("--port", options.ports, "on 127.0.0.1; several: connections take turns")
        ->required();
    app.add_flag("--cookies", options.cookies,
                 "each connection sends back the cookie it was given");
    app.add_option("--connections", options.connections, "at most so many");
    app.add_option("--seconds", options.seconds, "end after so long");
    app.add_option("--requests", options.requests, "end after so many");
    app.add_option("--rate", options.rate, "requests a second (0: closed loop)");
    app.add_option("--give-up", options.give_up_s, "clients leave after so many seconds");
    app.add_option("--drain", options.drain_s, "seconds to wait for the last answers");
    app.add_option("--path", options.path, "path of each request");
    app.add_option("--host", options.host, "Host of each request");
    app.add_option("--hosts", options.hosts, "Hosts s0.HOST, s1.HOST, ... take turns");
    app.add_option("--sources", options.sources, "call from 127.0.0.1, 127.0.0.2, ... in turn")
        ->check(CLI::Range(1, 254));
    app.add_option("--upload", options.upload, "bytes of body of each request");
    app.add_option("--sleep-mean", options.sleep_mean_us, "microseconds; paths /sleep/US/ID");
    app.add_option("--sleep-sigma", options.sleep_sigma, "of the lognormal");
    app.add_option("--seed", options.seed, "of the service times");
    app.add_option("--log", options.log, "file for a line about each request");
    CLI11_PARSE(app, argc, argv);
    if (options.seconds <= 0 && options.requests == 0) bench::fail("needs --seconds or --requests");
    bench::raise_descriptor_limit();
    bench::end_on_signal();
    bench::LoadResult result = bench::run_load(options);
    bench::print(result);
    if (!options.log.empty()) bench::write_log(result, options.log);
}
