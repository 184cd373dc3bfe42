// Is the application ready? The shell of core/probe_policy: it makes the tries and answers everyone
// who asked. All probes of the pod run at once, and the application is ready when all say so
// (contract queue-proxy 4.3). A run goes on when nobody waits for it any more.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "common/async/signal.hpp"
#include "common/async/task_group.hpp"
#include "common/net/tls_config.hpp"
#include "common/time/time_source.hpp"
#include "proxy/cold_start.hpp"
#include "proxy/core/probe_policy.hpp"
#include "proxy/core/probe_spec.hpp"

namespace proxy {

class Readiness {
  public:
    struct Options {
        std::vector<ProbeSpec> probes;    // empty: always ready
        bool detect_http2 = false;        // ENABLE_HTTP2_AUTO_DETECTION
        ColdStart* cold_start = nullptr;  // told what the tries saw; outlives the tasks
    };

    // `tasks` and `time` outlive it; close() it and let the tasks end before it goes away.
    Readiness(common::TaskGroup& tasks, common::TimeSource& time, Options options);
    ~Readiness();

    // Probes, or shares the run that goes on; returns its answer.
    common::awaitable<bool> ask();
    // Ends the run under way as "not ready"; later questions get that answer at once.
    void close();

  private:
    struct Probe {
        ProbeSpec spec;
        ProbePolicy policy;
    };
    struct Asker {
        explicit Asker(const boost::asio::any_io_executor& executor) : answered(executor) {}
        common::Signal answered;
        bool done = false;
        bool ready = false;
    };

    void start();
    common::awaitable<void> run(Probe& probe);
    void ended(bool ready);

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    Options options_;
    std::shared_ptr<const common::TlsContext> tls_;  // for HTTPS probes
    std::vector<std::unique_ptr<Probe>> probes_;
    std::vector<Asker*> askers_;
    std::size_t running_ = 0;
    bool all_ready_ = true;
    bool closed_ = false;
};

}  // namespace proxy
