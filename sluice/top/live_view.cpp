#include "sluice/top/live_view.hpp"

#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "common/async/signal.hpp"
#include "common/async/task_group.hpp"
#include "common/time/system_time.hpp"
#include "sluice/top/layout.hpp"
#include "sluice/top/read_events.hpp"
#include "sluice/top/terminal.hpp"

namespace sluice::top {
namespace {

using common::awaitable;

constexpr common::Duration retry_period = std::chrono::seconds(2);
constexpr std::string_view keys_one = "q: quit";
constexpr std::string_view keys_several = "q: quit   Tab: next revision   p: the one before";

class LiveView {
  public:
    explicit LiveView(const LiveOptions& options);
    int run();

  private:
    awaitable<void> follow();
    void draw();
    void on_key(char key);
    void on_signal(int number);
    void wait_for_signal();
    void look_at(int step);
    void stop();

    LiveOptions options_;
    EventsPicture events_;
    boost::asio::io_context io_{1};
    common::SystemTime time_{io_.get_executor()};
    common::TaskGroup tasks_{io_.get_executor()};
    common::Signal retry_{io_.get_executor()};
    std::unique_ptr<common::Timer> retry_timer_{time_.make_timer()};
    EventSource source_;
    boost::asio::signal_set signals_{io_};
    Terminal terminal_{io_.get_executor(), STDIN_FILENO, STDOUT_FILENO};
    std::string problem_;  // that no further try would mend
    bool ended_ = false;
};

LiveView::LiveView(const LiveOptions& options)
    : options_(options),
      source_(time_, options.server, [this](std::string_view name, std::string_view data) {
          std::string problem = events_.take(name, data);
          if (problem.empty() && events_.complete()) {
              events_.picture.link = "live";
              draw();
          }
          return problem;
      }) {
    events_.picture.server = options.server.name();
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP})
        signals_.add(number);
}

int LiveView::run() {
    terminal_.enter();
    terminal_.on_key([this](char key) { on_key(key); });
    wait_for_signal();
    draw();
    tasks_.spawn("events", follow());
    io_.run();
    terminal_.leave();
    if (!problem_.empty())
        std::cerr << "sluice: " << options_.server.name() << ": " << problem_ << "\n";
    return problem_.empty() ? 0 : 1;
}

awaitable<void> LiveView::follow() {
    while (!ended_) {
        events_.begin_stream();
        const StreamEnd end = co_await source_.follow(options_.revision);
        if (ended_) co_return;
        if (end.reason.empty()) continue;  // another revision is wanted
        if (end.hopeless) {
            problem_ = end.reason;
            stop();
            co_return;
        }
        events_.picture.link = end.reason + "; trying again";
        draw();
        retry_timer_->arm(time_.now() + retry_period, [this] { retry_.notify(); });
        co_await retry_.wait();
    }
}

void LiveView::draw() {
    const bool several = events_.picture.revisions.size() > 1;
    terminal_.draw(lay_out(events_.picture, terminal_.size(), several ? keys_several : keys_one));
}

void LiveView::on_key(char key) {
    if (key == 'q' || key == 'Q' || key == '\0') stop();
    if (key == '\t' || key == 'n') look_at(1);
    if (key == 'p') look_at(-1);
}

void LiveView::look_at(int step) {
    const Picture& picture = events_.picture;
    const auto count = static_cast<int>(picture.revisions.size());
    if (count < 2 || !picture.selected) return;
    int at = 0;
    while (at + 1 < count &&
           picture.revisions[static_cast<std::size_t>(at)].key != picture.selected->key)
        ++at;
    at = (at + step + count) % count;
    options_.revision = picture.revisions[static_cast<std::size_t>(at)].key;
    source_.stop();
}

void LiveView::wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code ec, int number) {
        if (ec) return;
        on_signal(number);
        if (!ended_) wait_for_signal();
    });
}

void LiveView::on_signal(int number) {
    if (number == SIGWINCH) {
        draw();
    } else if (number == SIGTSTP) {
        terminal_.leave();
        ::raise(SIGSTOP);  // until somebody continues us
        terminal_.enter();
        draw();
    } else {
        stop();
    }
}

void LiveView::stop() {
    ended_ = true;
    terminal_.leave();
    terminal_.end_keys();
    signals_.cancel();
    retry_timer_->disarm();
    retry_.notify();
    source_.stop();
}

}  // namespace

int run_live(const LiveOptions& options) {
    return std::make_unique<LiveView>(options)->run();
}

}  // namespace sluice::top
