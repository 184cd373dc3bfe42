#include "activator/kubernetes/watch_set.hpp"

#include <utility>

#include "common/crypto/hmac.hpp"

namespace activator::kubernetes {

WatchSet::WatchSet(common::TaskGroup& tasks, common::TimeSource& time, ApiClient& api)
    : tasks_(tasks), time_(time), api_(api), synced_(tasks.executor()) {}

void WatchSet::add(Watch::What what, Watch::Events events, Need need) {
    ++unsynced_;
    events.on_synced = [this, counted = false, name = what.name, need](bool allowed) mutable {
        if (!allowed && need == Need::required)
            denied_ = "no right to list and watch " + name + " (403); see the role";
        if (!std::exchange(counted, true)) --unsynced_;
        synced_.notify();
    };
    watches_.push_back(std::make_unique<Watch>(tasks_, time_, api_, common::random_word(),
                                               std::move(what), std::move(events)));
}

void WatchSet::start() {
    for (const auto& watch : watches_)
        watch->start();
}

void WatchSet::stop() {
    stopped_ = true;
    for (const auto& watch : watches_)
        watch->stop();
    synced_.notify();
}

common::awaitable<std::string> WatchSet::first_lists() {
    while (unsynced_ > 0 && denied_.empty() && !stopped_)
        co_await synced_.wait();
    co_return denied_;
}

}  // namespace activator::kubernetes
