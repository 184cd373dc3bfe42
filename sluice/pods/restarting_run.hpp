// A pod's command that is run again when it ends by itself, after the kubelet's back-off: the
// application and the queue-proxy alike.
//
// All news come from the event loop, never from inside a call.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sluice/pods/crash_backoff.hpp"
#include "sluice/pods/run.hpp"

namespace sluice {

class RestartingRun {
  public:
    // The callbacks must not destroy the RestartingRun from inside (post it).
    struct News {
        std::function<void()> on_started;            // each time that it runs
        std::function<void(std::string)> on_failed;  // the first start did not succeed; final
        std::function<void(std::string, common::Duration)> on_exited;  // reason, time to restart
        std::function<void()> on_stopped;                              // after stop(); final
    };

    explicit RestartingRun(common::TimeSource& time);

    void tell(News news) { news_ = std::move(news); }
    // REQUIRES: tell() before.
    void start(RunFactory factory);
    // Kills what runs and starts a run of `factory` instead, without back-off and on_exited.
    void replace(RunFactory factory);
    // Kills what runs; nothing runs until replace(). No on_exited.
    void hold();
    // SIGTERM, and SIGKILL after `grace`.
    void stop(common::Duration grace);
    // Everything dies. kill() gives the order, kill_and_wait() also waits for it (at most so long;
    // false: something may be left) and is the last call: no news come any more.
    void kill();
    bool kill_and_wait(int milliseconds);

    Run::OpenPorts open_ports() const { return run_ ? run_->open_ports() : Run::OpenPorts{}; }

  private:
    void launch();
    void started();
    void failed(const std::string& reason);
    void ended(const std::string& reason);

    common::TimeSource& time_;
    RunFactory factory_;
    News news_;
    CrashBackoff backoff_;
    std::unique_ptr<common::Timer> timer_;  // restart, or the end of the grace period
    std::unique_ptr<Run> run_;
    common::Instant started_at_{};
    bool running_ = false;  // run_ has news to give yet
    bool ever_started_ = false;
    bool stopping_ = false;
    // Its end is our own wish: no back-off, no news.
    bool replacing_ = false;
    bool held_ = false;
};

}  // namespace sluice
