#include "proxy/left_runs.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include "common/log/log.hpp"
#include "proxy/core/left_connection.hpp"

namespace proxy {
namespace {

// The next request waits for no longer than that once the slot could be free.
constexpr Duration look_period = std::chrono::milliseconds(100);

}  // namespace

LeftRuns::LeftRuns(Gate& gate, common::TimeSource& time, std::uint16_t user_port, Duration at_most)
    : gate_(gate),
      time_(time),
      user_port_(user_port),
      at_most_(at_most),
      timer_(time.make_timer()) {}

std::set<std::uint16_t> LeftRuns::left() const {
    std::set<std::uint16_t> ports;
    for (const char* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
        std::ifstream file(table);
        for (std::string line; std::getline(file, line);) {
            if (const auto port = left_connection(line, user_port_)) ports.insert(*port);
        }
    }
    return ports;
}

void LeftRuns::start(common::LoopExecutor executor) {
    const std::size_t slots = gate_.limits().concurrency;
    if (slots == 0) return;  // no limit to keep
    found_ = left();
    while (held_.size() < std::min(found_.size(), slots)) {
        Ticket ticket(executor);
        if (gate_.arrive(ticket, Lane::app, WhenFull::refuse) != Verdict::admitted) break;
        const RequestId id = ticket.id;
        held_.push_back(id);
        gate_.hold(ticket, at_most_, [this, id] {
            common::log_warning("left_run",
                                "a slot was kept as long as allowed for a request of "
                                "the queue-proxy before this one",
                                {});
            release(id);
        });
    }
    if (held_.empty()) return;
    common::log_info("left_run",
                     "the application still works on requests of the queue-proxy before this one",
                     {{"connections", found_.size()}, {"slots", held_.size()}});
    look_later();
}

void LeftRuns::stop() {
    timer_->disarm();
}

void LeftRuns::look_later() {
    timer_->arm(time_.now() + look_period, [this] { look(); });
}

void LeftRuns::look() {
    const std::set<std::uint16_t> now = left();
    std::erase_if(found_, [&now](std::uint16_t port) { return !now.contains(port); });
    while (held_.size() > found_.size())
        release(held_.back());
    if (!held_.empty()) look_later();
}

void LeftRuns::release(RequestId id) {
    std::erase(held_, id);
    gate_.release_held(id);
}

}  // namespace proxy
