// The shell of core/slot_claim: an activator's upgraded connection, its lines in, ours out.
//
// A stream carries no slot and is in no statistics; timeouts of requests do not end it. It ends
// when either side closes it, when something comes that is no message, when the activator is silent
// for too long (it renews what it wants every second, and closes what it does not use), when it
// takes in nothing that we say, and when the drain closes the ports.
#pragma once

#include <cstddef>
#include <list>

#include "common/async/task_group.hpp"
#include "common/http/exchange.hpp"
#include "proxy/gate.hpp"

namespace proxy {

class SlotStreams {
  public:
    // One per activator; beyond that somebody is broken.
    static constexpr std::size_t streams_max = 256;
    // Ten renewals; an activator that wants nothing closes after 5 s.
    static constexpr Duration silence_max = std::chrono::seconds(10);

    // All outlive it.
    SlotStreams(Gate& gate, common::TaskGroup& tasks, common::TimeSource& time)
        : gate_(gate), tasks_(tasks), time_(time) {}

    // Serves the stream that this upgrade opens, to its end. With too many of them, or after
    // close(), it answers 503.
    common::awaitable<void> serve(common::Exchange& client);
    // Ends all streams; new ones are refused.
    void close();
    std::size_t size() const { return streams_.size(); }

  private:
    struct Stream;

    common::awaitable<void> listen(Stream& stream, std::uint32_t number);
    static common::awaitable<void> speak(Stream& stream);

    Gate& gate_;
    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    std::list<Stream*> streams_;
    bool closed_ = false;
};

}  // namespace proxy
