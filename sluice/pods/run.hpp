// One run of a pod's command, from launch to its end: a process (command_run.hpp) or a container
// (container_run.hpp). Whether it is run again is for restarting_run.hpp to say.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "common/time/time_source.hpp"

namespace sluice {

// What every run needs; all of it outlives the runtime.
struct ProcessGround {
    boost::asio::any_io_executor executor;
    common::TimeSource& time;
};

class Run {
  public:
    // All from the event loop. The last one is on_failed (it never ran) or on_exited (nothing of
    // it runs any more); the callbacks may destroy the run.
    struct News {
        std::function<void()> on_started;
        std::function<void(std::string)> on_failed;
        std::function<void(std::string)> on_exited;
    };
    // On which of its ports the application listens, as far as it can be seen.
    struct OpenPorts {
        bool own = false;    // what PORT says
        bool fixed = false;  // the containerPort, though PORT says another
    };

    virtual ~Run() = default;
    // Once.
    virtual void launch(News news) = 0;
    virtual void terminate() = 0;
    virtual void kill() = 0;
    // Kills and waits, at most so long (this blocks). The last call: no news come any more.
    // Returns false when something may be left.
    virtual bool kill_and_wait(int milliseconds) = 0;
    virtual OpenPorts open_ports() const { return {}; }
};

// Makes the next run of the same command.
using RunFactory = std::function<std::unique_ptr<Run>()>;

}  // namespace sluice
