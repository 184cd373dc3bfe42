// Listens, accepts, and serves each connection in a thread of its own.
//
// The port is taken at once (so that a port in use is known before the "model" loads) but refuses
// connections until open() is called. Threads are bounded; a connection too many gets 503.
#pragma once

#include <atomic>
#include <string>

#include "tests/sd_standin/endpoints.hpp"
#include "tests/sd_standin/options.hpp"

namespace standin {

class Server {
  public:
    // Both outlive every thread of the process.
    Server(const Options& options, Endpoints& endpoints);

    // Nothing, or what is wrong in one line.
    std::string bind();
    std::string open();
    // "http://ADDRESS:PORT", with the port that was given or taken. REQUIRES: bound.
    std::string url() const;
    // No further connections; those that exist go on.
    void stop_accepting();
    // Generation requests read but not yet answered.
    int unanswered() const { return unanswered_; }

  private:
    std::string problem(int error) const;
    void accept_connections();
    void start_thread(int descriptor);
    void serve(int descriptor);
    bool serve_one(class Connection& connection);
    bool serve_with_body(class Connection& connection, Request& request);

    const Options options_;
    Endpoints& endpoints_;
    int listener_ = -1;
    std::atomic<bool> stopping_{false};
    std::atomic<std::int64_t> connections_{0};
    std::atomic<int> unanswered_{0};
};

}  // namespace standin
