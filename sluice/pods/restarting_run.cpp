#include "sluice/pods/restarting_run.hpp"

#include <utility>

namespace sluice {

RestartingRun::RestartingRun(common::TimeSource& time) : time_(time), timer_(time.make_timer()) {}

void RestartingRun::start(RunFactory factory) {
    factory_ = std::move(factory);
    launch();
}

void RestartingRun::launch() {
    running_ = true;
    started_at_ = time_.now();
    Run::News news;
    news.on_started = [this] { started(); };
    news.on_failed = [this](const std::string& reason) { failed(reason); };
    news.on_exited = [this](const std::string& reason) { ended(reason); };
    run_ = factory_();
    run_->launch(std::move(news));
}

void RestartingRun::started() {
    ever_started_ = true;
    started_at_ = time_.now();
    if (!stopping_ && !replacing_ && !held_) news_.on_started();
}

void RestartingRun::failed(const std::string& reason) {
    if (ever_started_ || stopping_ || replacing_ || held_) return ended(reason);
    running_ = false;
    news_.on_failed(reason);
}

void RestartingRun::ended(const std::string& reason) {
    running_ = false;
    timer_->disarm();
    if (stopping_) return news_.on_stopped();
    if (held_) return;
    if (std::exchange(replacing_, false)) return launch();
    const common::Instant now = time_.now();
    const common::Duration wait = backoff_.next(now - started_at_);
    timer_->arm(now + wait, [this] { launch(); });
    news_.on_exited(reason, wait);
}

void RestartingRun::replace(RunFactory factory) {
    factory_ = std::move(factory);
    held_ = false;
    if (!running_) return timer_->arm(time_.now(), [this] { launch(); });
    replacing_ = true;
    run_->kill();
}

void RestartingRun::hold() {
    held_ = true;
    replacing_ = false;
    timer_->disarm();
    if (running_) run_->kill();
}

void RestartingRun::stop(common::Duration grace) {
    if (std::exchange(stopping_, true)) return;
    const common::Instant now = time_.now();
    if (!running_) return timer_->arm(now, [this] { news_.on_stopped(); });
    run_->terminate();
    timer_->arm(now + grace, [this] { run_->kill(); });
}

void RestartingRun::kill() {
    timer_->disarm();
    if (run_) run_->kill();
}

bool RestartingRun::kill_and_wait(int milliseconds) {
    timer_->disarm();
    return !run_ || run_->kill_and_wait(milliseconds);
}

}  // namespace sluice
