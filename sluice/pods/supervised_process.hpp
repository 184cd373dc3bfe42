// One command under its supervisor, seen from the event loop: started, told to end, ended.
//
// The last news is either on_failed (it never ran) or on_exited (nothing of it runs any more), from
// the event loop and exactly once. Destroying the object earlier has everything killed without
// waiting and without news.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "sluice/pods/exit_status.hpp"
#include "sluice/pods/pod_init.hpp"

namespace sluice {

class SupervisedProcess {
  public:
    struct News {
        std::function<void()> on_started;
        std::function<void(std::string)> on_failed;           // one line that names the command
        std::function<void(ExitStatus, int left)> on_exited;  // left: survivors of SIGKILL
    };

    // The callbacks may destroy this object.
    SupervisedProcess(boost::asio::any_io_executor executor, News news);
    ~SupervisedProcess();

    // `label` and `output` as in spawn_supervisor(). Call once.
    void launch(const Command& command, const std::string& label, int output);
    // Nothing happens when there is nothing to signal (any more).
    void terminate();
    void kill();
    // Kills everything and waits (this blocks), at most `milliseconds`. No news come afterwards.
    // Returns false when something may be left.
    bool kill_and_wait(int milliseconds);

    // The supervisor's process id, whose descendants are the command's processes; 0 when none.
    int supervisor() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice
