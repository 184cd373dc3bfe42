// The page's one stream of events (server-sent events): who looks at the page gets the state of the
// revision that it shows, at most twice a second, and only if something has changed.
//
// It must not slow the router: nothing happens while nobody looks; the number of viewers is
// bounded; viewers of the same part share one text; a slow viewer gets fewer events, never a
// backlog.
//
// Events: `history` (once: the charts' points so far), `point` (each new one), `state`, `log` (the
// lines so far, then new ones). A comment comes when nothing else did for a while, so that a broken
// connection is noticed.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "activator/event_log.hpp"
#include "activator/history.hpp"
#include "activator/page_state.hpp"
#include "common/async/signal.hpp"
#include "common/http/exchange.hpp"
#include "common/time/time_source.hpp"

namespace activator {

class LiveStream {
  public:
    static constexpr std::size_t viewers_max = 16;
    static constexpr common::Duration event_period = std::chrono::milliseconds(500);
    static constexpr common::Duration silence_max = std::chrono::seconds(10);

    // All outlive it.
    LiveStream(Gateway& gateway, const History& history, const EventLog& log);

    // Answers one viewer, until it leaves. 503 when there are too many.
    common::awaitable<void> serve(common::Exchange& client, PageView view);
    // A new point is in the history.
    void point_taken() {
        ++points_taken_;
        shared_.clear();
    }
    std::size_t viewers() const { return viewers_.size(); }
    // Viewers are told to go; no timer runs afterwards.
    void close();

  private:
    struct Viewer {
        explicit Viewer(const boost::asio::any_io_executor& executor) : woken(executor) {}
        common::Signal woken;
        std::string state_sent;
        std::optional<std::uint64_t> log_sent;
        std::uint64_t points_seen = 0;
        common::Instant sent_at{};
    };
    // What viewers of one part share until the next tick.
    struct Texts {
        std::string state;
        std::string point;
    };

    common::awaitable<void> send_events(common::Exchange& client, PageView view, Viewer& viewer);
    std::string news_for(Viewer& viewer, const PageView& view);
    const Texts& texts_of(const PageView& view);
    void tick();
    void arm();

    Gateway& gateway_;
    const History& history_;
    const EventLog& log_;
    std::unique_ptr<common::Timer> timer_;
    std::list<Viewer*> viewers_;
    std::map<PageView, Texts> shared_;
    std::uint64_t points_taken_ = 0;
    bool armed_ = false;
    bool closed_ = false;
};

}  // namespace activator
