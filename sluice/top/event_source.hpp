// Reads the admin port's stream of events, until it ends.
#pragma once

#include <memory>
#include <string>

#include "common/async/awaitable.hpp"
#include "common/core/parse.hpp"
#include "common/forward/backend_connection.hpp"
#include "common/time/time_source.hpp"
#include "sluice/top/event_reader.hpp"

namespace sluice::top {

struct AdminServer {
    common::HostPort address;
    std::string token;  // empty: it wants none
    std::string name() const;
};

struct StreamEnd {
    std::string reason;     // one line for people; empty: stop() was called
    bool hopeless = false;  // the server does not want us: trying again is of no use
};

class EventSource {
  public:
    // `time` outlives it. `on_event` returns "" or why the stream is of no use.
    using OnEvent = std::function<std::string(std::string_view name, std::string_view data)>;
    EventSource(common::TimeSource& time, AdminServer server, OnEvent on_event);

    // `revision`: "namespace/name"; empty: the first one. One at a time.
    common::awaitable<StreamEnd> follow(std::string revision);
    // follow() returns soon: at once, or when it has found out whether it can connect.
    void stop();

  private:
    common::awaitable<StreamEnd> read_events(common::RequestHead request);

    common::TimeSource& time_;
    AdminServer server_;
    OnEvent on_event_;
    std::unique_ptr<common::BackendConnection> connection_;
    bool stopped_ = false;
};

}  // namespace sluice::top
