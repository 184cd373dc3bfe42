// The queue-proxy as a whole: owns everything, starts it in order, and takes it down in order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "common/async/task_group.hpp"
#include "common/core/request_stats.hpp"
#include "common/forward/backend_pool.hpp"
#include "common/http/http_server.hpp"
#include "common/net/certificates.hpp"
#include "common/net/hangup_watch.hpp"
#include "common/otlp/metric_exporter.hpp"
#include "common/time/loop_lag.hpp"
#include "common/time/system_time.hpp"
#include "common/trace/tracer.hpp"
#include "proxy/cold_start.hpp"
#include "proxy/config.hpp"
#include "proxy/gate.hpp"
#include "proxy/left_runs.hpp"
#include "proxy/metrics.hpp"
#include "proxy/readiness.hpp"
#include "proxy/request_logger.hpp"
#include "proxy/serve_request.hpp"
#include "proxy/shutdown.hpp"
#include "proxy/stats_reporter.hpp"

namespace proxy {

class App {
  public:
    explicit App(Config config);
    ~App();

    // Serves until it is told to end. Returns the process's exit code.
    int run();

  private:
    bool open_ports();
    void open_metrics();
    std::string open_tls();
    std::string open_profiling();
    common::HttpServer& add_server(const common::ServerLimits& limits,
                                   common::ServerConnection::Handler handler);
    void start();
    void wait_for_signal();
    void close_listeners();
    void connection_ended();
    // Somebody looks at the metrics.
    bool counts() const { return config_.metrics || metric_exporter_; }
    void finished(const common::Exchange& client, const RequestRecord& record);
    void end(int code);

    // What tasks use is declared before the event loop's users and goes away after them.
    Config config_;
    boost::asio::io_context io_{1};
    common::SystemTime time_{io_.get_executor()};
    common::HangupWatch hangups_{io_.get_executor()};
    common::TaskGroup tasks_{io_.get_executor()};
    common::RequestStats stats_{time_.now()};
    ColdStart cold_start_{time_.now()};
    common::LoopLag lag_;
    Gate gate_;
    LeftRuns left_runs_;
    Readiness readiness_;
    Shutdown shutdown_;
    SlotStreams slots_;
    common::BackendPool pool_;
    std::unique_ptr<common::Tracer> tracer_;  // null: nothing is traced
    ServeContext context_;
    StatsReporter reporter_;
    Metrics metrics_;
    std::unique_ptr<common::MetricExporter> metric_exporter_;  // null: nothing is pushed
    RequestLogger request_logger_;
    std::unique_ptr<common::Certificates> certificates_;  // if there is a TLS port
    std::vector<std::unique_ptr<common::HttpServer>> servers_;
    boost::asio::signal_set signals_{io_, SIGINT, SIGTERM};
    bool closing_ = false;
    bool listeners_told_ = false;
    int exit_code_ = 0;
};

}  // namespace proxy
