// The admin port: what people and programs see of the gateway, and the one thing that they may do.
//
//   GET  /                            the page (dashboard/), and its files under /page/
//   GET  /api/events                  its live data (live_stream.hpp); ?revision=NS/NAME&from=N
//   POST /api/requests/ID/cancel      takes a waiting request out of the line; needs the header
//                                     `X-Sluice-Admin: cancel` and the page's own origin
//   GET  /api/status /metrics /healthz /readyz
//
// Whoever can reach this port can see and cancel everything: it is for operators. What it is
// guarded against is a browser that was led here by another site: cancelling takes a POST with a
// header that no form can send and that CORS never grants (no preflight is answered), the Origin
// must be this server, and a port that is bound to loopback answers to local names only (DNS
// rebinding).
#pragma once

#include <memory>
#include <string>

#include "activator/admin_door.hpp"
#include "activator/event_log.hpp"
#include "activator/gateway.hpp"
#include "activator/history.hpp"
#include "activator/live_stream.hpp"
#include "common/http/http_server.hpp"

namespace activator {

class AdminPort {
  public:
    // All but the door outlive it.
    AdminPort(common::TaskGroup& tasks, common::TimeSource& time, common::HangupWatch& hangups,
              Gateway& gateway, const AdminDoor& door);

    // Binds. Returns "" or what is wrong.
    std::string open(const common::Address& address);
    // Instead: the admin port of a process that hands over to us. As open().
    std::string adopt(common::UniqueFd socket);
    // The listening socket, to be handed over; stays ours.
    int native_handle() { return server_.native_handle(); }
    void start();
    common::Address local_address() const { return server_.local_address(); }
    // Closes every connection and stops every timer.
    void close_now();
    // A line for the page's log.
    void log(std::string service, std::string text);

    // One request; for tests.
    common::awaitable<void> serve(common::Exchange& client);

  private:
    common::awaitable<void> serve_get(common::Exchange& client, std::string_view path);
    common::awaitable<void> cancel(common::Exchange& client, std::string id);
    std::string cross_site(const common::RequestHead& head) const;
    void sample();

    common::TimeSource& time_;
    Gateway& gateway_;
    History history_;
    EventLog log_;
    LiveStream stream_;
    std::unique_ptr<common::Timer> sampler_;
    common::HttpServer server_;
};

}  // namespace activator
