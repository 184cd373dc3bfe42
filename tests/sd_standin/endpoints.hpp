// Which answer belongs to which path? Everything that is one request in, one response out.
//
// Only the two generation paths take the lock; all others answer at once, also during a job. What
// plays with the connection itself (streams, half answers, WebSockets) is in wire_endpoints.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "tests/sd_standin/generation.hpp"
#include "tests/sd_standin/options.hpp"

namespace standin {

class Endpoints {
  public:
    explicit Endpoints(const Options& options);

    // Thread safe. `client_left` is as in Generation::generate.
    Response answer(const Request& request, const std::function<bool()>& client_left);
    static bool is_generation(const Request& request);

    // Before this, everything but /standin/ answers 503.
    void set_ready();
    // Lets the running job finish and refuses all that wait.
    void close() { lock_.close(); }
    Stats& stats() { return stats_; }

  private:
    Response answer_ready(const Request& request, const std::function<bool()>& client_left);
    Response answer_standin(const Request& request);
    Response progress() const;
    Response options(const Request& request);

    JobLock lock_;
    RunningJob job_;
    ServiceTime service_time_;
    Stats stats_;
    Generation generation_;
    std::atomic<bool> ready_{false};
    std::mutex options_mutex_;
    std::string options_json_;  // guarded by options_mutex_
};

}  // namespace standin
