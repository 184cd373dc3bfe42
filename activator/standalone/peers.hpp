// What activators say to each other, on a port of its own that is not for clients:
//
//   POST /reports        a report (revision_report.hpp) for the one that leads; 409 if that is not
//                        us. Signed with the first key of the Secret sluice-cookie-key, which
//                        activators share and nobody else knows; any of its keys is honoured.
//   GET  /healthz /livez for the kubelet
//
// One report is under way at a time. What comes meanwhile is put together and sent next, the
// latest word on each revision: a report says how things stand, so an older one is worth nothing.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "activator/standalone/revision_report.hpp"
#include "common/async/task_group.hpp"
#include "common/http/http_server.hpp"

namespace activator::standalone {

class Peers {
  public:
    struct Events {
        // False: we do not lead.
        std::function<bool(const std::string& activator, RevisionReports)> on_reports;
        // "" or what the kubelet is told.
        std::function<std::string()> health;
    };

    // All outlive it. close_now() it, and let the tasks end, before it goes away.
    Peers(common::TaskGroup& tasks, common::TimeSource& time, common::HangupWatch& hangups,
          std::string identity, Events events);

    // Returns "" or what is wrong.
    std::string open(const common::Address& address) { return server_.open(address); }
    void start() { server_.start(); }
    common::Address local_address() const { return server_.local_address(); }
    void close_now();
    // Not empty.
    void set_keys(std::vector<std::string> keys) { keys_ = std::move(keys); }
    void send(const common::Address& leader, RevisionReports reports);

  private:
    common::awaitable<void> serve(common::Exchange& client);
    common::awaitable<void> take(common::Exchange& client);
    common::awaitable<void> run();
    bool is_signed(std::string_view body, std::string_view signature) const;

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    std::string identity_;
    Events events_;
    std::vector<std::string> keys_;
    common::HttpServer server_;
    common::Address leader_;
    std::map<std::pair<std::string, std::string>, RevisionReport> waiting_;
    std::string problem_;  // that was logged last
    bool sending_ = false;
    bool closed_ = false;
};

}  // namespace activator::standalone
