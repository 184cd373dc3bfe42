#include "proxy/app.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/async/give_back_memory.hpp"
#include "common/core/path_pattern.hpp"
#include "common/http/simple_response.hpp"
#include "common/log/log.hpp"
#include "common/net/open_files.hpp"
#include "proxy/access_log.hpp"
#include "proxy/answers.hpp"
#include "proxy/request_spans.hpp"

namespace proxy {
namespace {

using common::awaitable;
using common::Exchange;

awaitable<void> serve_admin(Exchange& client, Shutdown& shutdown) {
    common::SimpleResponse response;
    if (common::path_of_target(client.request().target) == "/wait-for-drain") {
        co_await shutdown.wait();
    } else {
        response = plain_error(404, "404 page not found");
    }
    co_await common::respond(client, std::move(response));
}

// Often enough to see a busy loop, and no load for an idle pod.
constexpr Duration lag_period = std::chrono::seconds(1);
constexpr Duration telemetry_flush_max = std::chrono::seconds(5);      // contract 5.1: at most 10
constexpr Duration metrics_head_timeout = std::chrono::seconds(5);     // contract 2
constexpr Duration profiling_head_timeout = std::chrono::seconds(15);  // contract 2

awaitable<void> serve_profiling(Exchange& client) {
    const std::string_view path = common::path_of_target(client.request().target);
    common::SimpleResponse response =
        path.starts_with("/debug/pprof")
            ? plain_error(501, "this queue-proxy is no Go program: profile it with perf")
            : plain_error(404, "404 page not found");
    co_await common::respond(client, std::move(response));
}

common::ServerLimits server_limits(const Config& config) {
    common::ServerLimits limits;
    limits.parser.header_bytes_max = static_cast<std::uint32_t>(config.request_head_limit);
    limits.head_timeout = config.read_head_timeout;
    limits.connections_max =
        std::min(config.connections_max, common::connections_for(common::raise_open_files_limit()));
    return limits;
}

common::BackendPool::Options pool_options(const Config& config) {
    common::BackendPool::Options options;
    options.idle_per_address_max = config.backend_idle_connections;
    options.idle_timeout = config.backend_idle_timeout;
    options.parser.header_bytes_max = static_cast<std::uint32_t>(config.response_head_limit);
    return options;
}

}  // namespace

App::App(Config config)
    : config_(std::move(config)),
      lag_(time_, lag_period),
      gate_(time_, config_.limits),
      left_runs_(gate_, time_, config_.user_port, config_.slot_hold_max),
      readiness_(tasks_, time_, {config_.probes, config_.detect_http2_probe, &cold_start_}),
      shutdown_(time_, io_.get_executor(), {.quiet = config_.drain_quiet},
                {[this] { close_listeners(); },
                 [this] {
                     for (const auto& server : servers_)
                         server->close_now();
                 },
                 [this](int code) { end(code); }}),
      slots_(gate_, tasks_, time_),
      pool_(time_, pool_options(config_)),
      tracer_(common::start_tracing(time_, tasks_, config_.traces)),
      context_{config_, gate_,  readiness_, shutdown_,   slots_, stats_,
               pool_,   tasks_, time_,      cold_start_, {},     tracer_.get()},
      reporter_(time_, stats_, config_.identity.pod),
      metrics_(config_, gate_, cold_start_, lag_),
      metric_exporter_(common::start_metric_export(time_, tasks_, config_.pushed_metrics,
                                                   [this] { return metrics_.families(); })),
      request_logger_(config_) {
    if (tracer_) metrics_.show_spans(&tracer_->queue());
    const bool access_log = config_.access_log != common::AccessLog::off;
    if (counts() || request_logger_.enabled() || access_log || tracer_) {
        context_.on_finished = [this](const Exchange& client, const RequestRecord& record) {
            finished(client, record);
        };
    }
}

void App::finished(const Exchange& client, const RequestRecord& record) {
    if (counts()) metrics_.add(client.request(), record);
    request_logger_.add(client, record);
    if (common::is_logged(config_.access_log, has_failed(record))) log_request(client, record);
    if (record.trace != nullptr) record_spans(*tracer_, client, record, config_);
}

App::~App() = default;

int App::run() {
    if (!open_ports()) return 1;
    start();
    io_.run();
    return exit_code_;
}

common::HttpServer& App::add_server(const common::ServerLimits& limits,
                                    common::ServerConnection::Handler handler) {
    servers_.push_back(
        std::make_unique<common::HttpServer>(tasks_, time_, hangups_, limits, std::move(handler)));
    return *servers_.back();
}

bool App::open_ports() {
    const common::ServerLimits limits = server_limits(config_);
    bool good = true;
    const auto check = [&good](const std::string& problem) {
        if (problem.empty()) return;
        common::log_start_failed("cannot listen on " + problem);
        good = false;
    };
    common::ServerLimits serving = limits;
    serving.http2 = true;
    const auto serve = [this](Exchange& client) { return serve_request(client, context_); };
    check(add_server(serving, serve).open(config_.serving));
    const auto admin = [this](Exchange& client) { return serve_admin(client, shutdown_); };
    check(add_server(limits, admin).open(config_.admin));
    if (config_.stats) {
        const auto stats = [this](Exchange& client) { return reporter_.serve(client); };
        check(add_server(limits, stats).open(*config_.stats));
    }
    if (config_.profiling) check(open_profiling());
    if (config_.tls) check(open_tls());
    if (config_.metrics) open_metrics();
    return good;
}

// The same requests as on the serving port (contract 9). Returns "" or what is wrong.
std::string App::open_tls() {
    const common::Certificates::Files files{config_.certificate_file, config_.key_file};
    common::TlsParameters parameters = common::to_parameters(*config_.tls);
    parameters.http2 = true;  // contract 2: ALPN on the serving port
    if (!config_.tls_client_ca_file.empty()) {
        parameters.client_auth = common::TlsParameters::ClientAuth::require;
        parameters.client_ca_file = config_.tls_client_ca_file;
    }
    certificates_ = std::make_unique<common::Certificates>(time_, files, std::move(parameters));
    const std::string problem = certificates_->load();
    if (!problem.empty()) return "the TLS port: " + problem;
    common::ServerLimits limits = server_limits(config_);
    limits.http2 = true;
    common::HttpServer& server =
        add_server(limits, [this](Exchange& client) { return serve_request(client, context_); });
    server.secure_with([this] { return certificates_->context(); });
    certificates_->start();
    return server.open(config_.serving_tls);
}

// Stock's port has the profiles of the Go runtime, and no part of Knative reads it: ours says where
// to look instead (contract 8.4).
std::string App::open_profiling() {
    common::ServerLimits limits = server_limits(config_);
    limits.head_timeout = profiling_head_timeout;
    return add_server(limits, serve_profiling).open(*config_.profiling);
}

// As stock: a metrics port that is taken is said, and the pod serves without it (contract 2).
void App::open_metrics() {
    common::ServerLimits limits = server_limits(config_);
    limits.head_timeout = metrics_head_timeout;
    common::HttpServer& server =
        add_server(limits, [this](Exchange& client) { return metrics_.serve(client); });
    std::string problem;
    if (config_.metrics_tls) {
        common::TlsContext::Made made = common::make_metrics_context(*config_.metrics_tls);
        problem = made.error;
        server.secure_with([context = std::move(made.context)] { return context; });
    }
    if (problem.empty()) problem = server.open(*config_.metrics);
    if (problem.empty()) return;
    servers_.pop_back();
    common::log_error("metrics_port", "cannot listen for metrics: " + problem);
}

void App::start() {
    wait_for_signal();
    // With `close` an application stops when its connection ends.
    if (config_.on_disconnect != common::OnDisconnect::close) left_runs_.start(tasks_.executor());
    for (const auto& server : servers_) {
        server->when_connection_ends([this] { connection_ended(); });
        server->start();
    }
    reporter_.start();
    if (counts()) lag_.start();
    common::log_info("started", "queue-proxy serves",
                     {{"address", common::to_string(servers_.front()->local_address())},
                      {"concurrency", config_.limits.concurrency},
                      {"user_port", config_.user_port}});
    common::unmap_startup_code();
}

void App::wait_for_signal() {
    signals_.async_wait([this](const common::error_code& ec, int) {
        if (ec) return;
        common::log_info("signal", "told to end");
        shutdown_.signalled();
        wait_for_signal();
    });
}

// --- The way down (contract 5.3).

void App::close_listeners() {
    closing_ = true;
    // HTTP/2 over cleartext is not told to go (row 21).
    for (const auto& server : servers_)
        server->shut_down(server == servers_.front());
    shutdown_.release_waiters();
    // A pod on its way out does not become ready: whoever asks now would hold the end up for as
    // long as an application that never comes up is tried (contract 4.3: 10 s a time).
    readiness_.close();
    // No slot is granted any more, and a slot stream would hold the end up.
    slots_.close();
    // Nobody waits for these answers, and no slot is given away any more.
    gate_.expire_holds();
    connection_ended();
}

// Upgraded connections, and streams on kept connections, are not waited for like the others: they
// have a time of their own.
void App::connection_ended() {
    if (!closing_) return;
    std::size_t open = 0;
    std::size_t upgraded = 0;
    std::size_t streams = 0;
    for (const auto& server : servers_) {
        open += server->connections();
        upgraded += server->upgraded();
        streams += server->kept_streams();
    }
    if (listeners_told_) {
        shutdown_.in_flight_changed(upgraded + streams);
    } else if (open == upgraded) {
        listeners_told_ = true;
        shutdown_.listeners_closed(upgraded + streams);
    }
}

void App::end(int code) {
    if (code != 0) std::_Exit(code);  // a second signal: now
    exit_code_ = code;
    common::log_info("stopped", "queue-proxy ends");
    signals_.cancel();
    reporter_.stop();
    lag_.stop();
    left_runs_.stop();
    if (certificates_) certificates_->stop();
    readiness_.close();
    for (const auto& server : servers_)
        server->close_now();
    gate_.expire_holds();
    pool_.clear();
    if (metric_exporter_) metric_exporter_->close(telemetry_flush_max);
    if (tracer_) tracer_->close(telemetry_flush_max);
    tasks_.close();
    // Nothing is left suspended then; timers that are still armed have nobody to tell.
    tasks_.when_empty([this] { io_.stop(); });
}

}  // namespace proxy
