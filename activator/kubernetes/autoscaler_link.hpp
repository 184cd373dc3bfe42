// The WebSocket to Knative's autoscaler (contract activator.md 5.3): connected for ever, pinged
// every 10/3 s, given up when 10 s pass without a pong, and dialled again after pauses that grow.
//
// Stock loses what it should have sent meanwhile, pokes included. Here the last word on each
// revision is kept and sent as soon as the connection is back.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/async/signal.hpp"
#include "common/async/task_group.hpp"
#include "common/core/parse.hpp"
#include "common/core/rng.hpp"
#include "common/forward/backend_connection.hpp"
#include "common/protocol/stat_message.hpp"
#include "common/protocol/websocket.hpp"
#include "common/time/time_source.hpp"

namespace activator::kubernetes {

class AutoscalerLink {
  public:
    // `tasks` and `time` outlive it. stop() it, and let the tasks end, before it goes away.
    AutoscalerLink(common::TaskGroup& tasks, common::TimeSource& time, std::uint64_t seed,
                   common::HostPort host);

    void start();
    void stop();
    bool connected() const { return connected_; }
    // Since when there is no connection; the start at first.
    common::Instant lost_at() const { return lost_at_; }
    bool was_connected() const { return was_connected_; }
    // Established connections that were lost.
    std::uint64_t losses() const { return losses_; }
    // One message of these statistics, now or when there is a connection again.
    void send(const std::vector<common::WireStatMessage>& messages);

  private:
    common::awaitable<void> run();
    common::awaitable<std::string> dial();
    common::awaitable<std::string> session();
    common::awaitable<void> write();
    common::awaitable<void> rest(common::Duration pause);
    std::string take_frames(common::websocket::FrameReader& reader);
    void put(common::websocket::Opcode opcode, std::string_view payload);
    void ping();
    void deliver_kept();
    void lost(const std::string& reason);

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    common::Rng rng_;
    common::HostPort host_;
    std::unique_ptr<common::BackendConnection> connection_;
    std::unique_ptr<common::Timer> pinger_;
    std::unique_ptr<common::Timer> timer_;
    common::Signal wake_;   // of the pause between two tries
    common::Signal write_;  // there is something to write, or the session has ended
    common::Signal written_;
    std::deque<std::string> frames_;
    // By namespace and revision: not sent yet, because there is no connection.
    std::map<std::pair<std::string, std::string>, common::WireStatMessage> kept_;
    common::Instant lost_at_;
    common::Instant pong_due_{};
    std::uint64_t losses_ = 0;
    unsigned failures_ = 0;
    std::string problem_;  // that was logged last
    bool connected_ = false;
    bool was_connected_ = false;
    bool stopped_ = false;
};

}  // namespace activator::kubernetes
