// The watches of one program, and whether each has told its first list.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "activator/kubernetes/watch.hpp"

namespace activator::kubernetes {

class WatchSet {
  public:
    enum class Need { wanted, required };

    // All outlive it. stop() it, and let the tasks end, before it goes away.
    WatchSet(common::TaskGroup& tasks, common::TimeSource& time, ApiClient& api);

    // Before start(). `events.on_synced` is the set's own.
    void add(Watch::What what, Watch::Events events, Need need = Need::wanted);
    void start();
    void stop();

    // Ends when every watch has told its first list, or has no right to one, or after stop().
    // Returns "" or which required one we have no right to.
    common::awaitable<std::string> first_lists();

  private:
    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    ApiClient& api_;
    std::vector<std::unique_ptr<Watch>> watches_;
    common::Signal synced_;
    std::size_t unsynced_ = 0;
    std::string denied_;
    bool stopped_ = false;
};

}  // namespace activator::kubernetes
