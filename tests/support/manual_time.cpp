#include "tests/support/manual_time.hpp"

#include <utility>

#include <boost/asio/post.hpp>

#include "common/core/check.hpp"

namespace common {
namespace {

constexpr Instant start{std::chrono::seconds(1000)};
// 2026-11-23T10:15:30Z
constexpr WallTime wall_start{std::chrono::seconds(1'795'428'930)};

}  // namespace

// Shared with the timers, which may outlive the clock in a test's teardown.
struct ManualTime::State {
    struct Entry {
        std::function<void()> fire;
        std::size_t id;
    };
    std::multimap<Instant, Entry> armed;
    std::size_t last_id = 0;

    void drop(std::size_t id) {
        std::erase_if(armed, [id](const auto& item) { return item.second.id == id; });
    }
};

struct ManualTime::ManualTimer final : Timer {
    explicit ManualTimer(std::shared_ptr<State> s) : state(std::move(s)), id(++state->last_id) {}
    ~ManualTimer() override { disarm(); }
    void arm(Instant deadline, std::function<void()> on_fire) override {
        state->drop(id);
        state->armed.emplace(deadline, State::Entry{std::move(on_fire), id});
    }
    void disarm() override { state->drop(id); }

    std::shared_ptr<State> state;
    std::size_t id;
};

ManualTime::ManualTime(boost::asio::io_context& io)
    : io_(io), now_(start), state_(std::make_shared<State>()) {}

ManualTime::~ManualTime() = default;

WallTime ManualTime::wall_now() const {
    return wall_start + (now_ - start);
}

std::unique_ptr<Timer> ManualTime::make_timer() {
    return std::make_unique<ManualTimer>(state_);
}

void ManualTime::settle() {
    while (true) {
        io_.restart();
        if (io_.poll() > 0) continue;
        const auto first = state_->armed.begin();
        if (first == state_->armed.end() || first->first > now_) return;
        // Fired by the event loop, as the real timers are.
        boost::asio::post(io_, [fire = std::move(first->second.fire)] { fire(); });
        state_->armed.erase(first);
    }
}

void ManualTime::advance_to(Instant t) {
    CHECK(t >= now_);
    settle();
    while (!state_->armed.empty() && state_->armed.begin()->first <= t) {
        now_ = state_->armed.begin()->first;
        settle();
    }
    now_ = t;
    settle();
}

std::size_t ManualTime::armed() const {
    return state_->armed.size();
}

}  // namespace common
