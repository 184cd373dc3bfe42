// The activator as a whole, but for where its revisions and pods come from: the listening port, the
// router, the pods' connections and probes, and the counters. `activator` and `sluice up` put a
// source of pods beside it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "activator/cold_starts.hpp"
#include "activator/live_sessions.hpp"
#include "activator/pod_prober.hpp"
#include "activator/route_table.hpp"
#include "activator/router.hpp"
#include "activator/serve_request.hpp"
#include "activator/session_cookie.hpp"
#include "activator/slot_streams.hpp"
#include "activator/totals.hpp"
#include "common/forward/backend_pool.hpp"
#include "common/http/http_server.hpp"
#include "common/log/access_log.hpp"
#include "common/metrics/catalogue.hpp"
#include "common/otlp/metric_exporter.hpp"
#include "common/time/loop_lag.hpp"
#include "common/trace/tracer.hpp"

namespace activator {

struct GatewayOptions {
    Limits limits;
    PodProber::Options probes;
    common::ServerLimits server;
    std::vector<std::string> cookie_keys;  // not empty
    FrontDoor door;
    common::BackendPool::Options pool;
    common::Secure secure;  // not set: pods speak plain HTTP
    common::MetricsOf metrics_of = common::of_activator;
    common::AccessLog access_log = common::AccessLog::errors;
};

// How an ending program spends its last seconds on spans and metrics, at the same time (contract
// activator.md 7: at most 10 s).
inline constexpr Duration telemetry_flush_max = std::chrono::seconds(5);

// A pod of which its source knows that it is ready.
struct ReadyPod {
    std::string name;
    common::Address address;  // for requests
    // Where a doubt about it is settled. Empty: it is not probed; a doubt costs it no more than the
    // scheduler's back-off.
    std::optional<common::Address> probe_at;
};

// A pod that somebody manages but that the router does not know (yet, or any more).
struct UnroutedPod {
    std::string name;
    std::string_view state;  // pending, stopping, failed
    std::string reason;
    Instant asked_at{};
};

// What is counted of one revision since it was added.
struct RevisionAccount {
    RevisionTotals totals;
    ColdStarts cold_starts;
    LiveSessions sessions;
};

class Gateway {
  public:
    // The arguments outlive the gateway. Its tasks run in `tasks`: shut_down(), and let them end,
    // before it goes away.
    Gateway(common::TaskGroup& tasks, common::TimeSource& time, common::HangupWatch& hangups,
            GatewayOptions options);

    // Gives the TLS context of each new connection.
    using TlsPort = std::function<std::shared_ptr<const common::TlsContext>()>;
    // Binds a port that clients call; any number of them, before start(). `secured` set: they speak
    // TLS there. Returns "" or what is wrong.
    std::string open(const common::Address& address, TlsPort secured = nullptr);
    // Instead: a port that another process listens on and hands over. As open().
    std::string adopt(common::UniqueFd socket, TlsPort secured = nullptr);
    // The listening socket of the port opened first, to be handed over; stays ours.
    int native_handle() { return servers_.front()->native_handle(); }
    void start();
    // Of the port opened first.
    common::Address local_address() const { return servers_.front()->local_address(); }
    // Another process accepts from now on; see HttpServer::retire(). Then shut_down().
    void retire();
    // Traces and metrics as OpenTelemetry's variables alone say, from now on. `resource`: who we
    // are.
    void export_telemetry(const common::Env& env, const common::OtlpAttributes& resource);
    // From now on; nothing is traced if it is off.
    void trace_requests(common::TraceChoice choice);
    // From now on; nothing is pushed if it is off. `collect` null: our own family.
    void push_metrics(common::MetricChoice choice, common::MetricExporter::Collect collect = {});
    // Accepts no more; requests under way end. Then close_now().
    void shut_down();
    // Closes every connection, removes every revision and stops every timer. Requests that still
    // wait end. Spans that wait are sent, and metrics once more, for telemetry_flush_max at most,
    // or dropped.
    void close_now(bool flush_telemetry = true);
    std::size_t connections() const;
    std::size_t refused_connections() const;
    std::size_t evicted_connections() const;
    // Who may ask from now on, as a file of hashes says (ApiKeys::of_file); empty: everybody, as
    // before. Returns "" or what is wrong; the keys there were stay then.
    std::string load_api_keys(const std::string& file);
    // Keys for session cookies from now on; not empty.
    void set_cookie_keys(std::vector<std::string> keys) { cookies_.replace_keys(std::move(keys)); }

    // --- Revisions and pods.
    Router& router() { return router_; }
    const Router& router() const { return router_; }
    RevisionId add_revision(Revision revision);
    // New knobs and limits; the names stay. REQUIRES: the revision exists.
    void update_revision(RevisionId id, Revision revision);
    // Its waiting requests get 504, running ones end in their own time.
    void remove_revision(RevisionId id);
    // A pod exists; it gets requests once its queue-proxy says that it is ready. `asked_at`: when
    // it was asked for; empty: when requests began to lack pods, if they do.
    PodId add_pod(RevisionId revision, std::string name, common::Address queue_proxy,
                  std::optional<Instant> asked_at = {});
    // As add_pod(), but ready now, and nothing probes it: set_pod_ready() says how it stands.
    PodId add_ready_pod(RevisionId revision, ReadyPod pod);
    void set_pod_ready(PodId id, bool ready);
    // Something happened to the pod: it gets nothing until a probe finds it ready again. The probe
    // comes after a pause that grows while one doubt follows the other.
    void doubt_pod(PodId id);
    void drain_pod(PodId id);
    void remove_pod(PodId id);
    // Whoever probes pods beside the gateway takes its places here.
    ProbePlaces& probe_places() { return probe_places_; }
    // A pod became ready (from the event loop).
    void on_pod_ready(std::function<void(PodId)> callback) { on_pod_ready_ = std::move(callback); }

    // --- For the metrics and the pages.
    // REQUIRES: the revision exists.
    RevisionAccount& account(RevisionId id) { return accounts_.at(id); }
    void list_unrouted_pods(std::function<std::vector<UnroutedPod>(RevisionId)> list) {
        unrouted_pods_ = std::move(list);
    }
    std::vector<UnroutedPod> unrouted_pods(RevisionId id) const {
        return unrouted_pods_ ? unrouted_pods_(id) : std::vector<UnroutedPod>{};
    }
    const common::LoopLag& loop_lag() const { return lag_; }
    // Null: nothing is traced.
    const common::SpanQueue* spans() const { return tracer_ ? &tracer_->queue() : nullptr; }
    common::MetricsOf metrics_of() const { return metrics_of_; }
    common::TimeSource& time() { return time_; }
    common::LoopExecutor executor() const { return tasks_.executor(); }

    using OnEnded = std::function<void(const common::Exchange&, const RequestRecord&)>;
    // A request ended, one that was answered at the door included.
    void on_request_ended(OnEnded callback) { on_request_ended_ = std::move(callback); }

  private:
    common::HttpServer& add_server(TlsPort secured);
    std::optional<RevisionId> route(const common::RequestHead& head) const;
    void record(const common::Exchange& client, const RequestRecord& record);
    void count(const RequestRecord& ended);
    void pod_ready(PodId id);

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    common::HangupWatch& hangups_;
    common::ServerLimits server_limits_;
    common::MetricsOf metrics_of_;
    common::AccessLog access_log_;
    Router router_;
    SlotStreams slots_;
    RouteTable routes_;
    SessionCookies cookies_;
    common::BackendPool pool_;
    ProbePlaces probe_places_;
    PodProber prober_;
    std::unique_ptr<common::Tracer> tracer_;
    std::unique_ptr<common::MetricExporter> metric_exporter_;  // null: nothing is pushed
    ServeContext context_;
    std::vector<std::unique_ptr<common::HttpServer>> servers_;
    common::LoopLag lag_;
    std::map<RevisionId, RevisionAccount> accounts_;
    std::function<std::vector<UnroutedPod>(RevisionId)> unrouted_pods_;
    std::map<PodId, unsigned> doubts_;  // since the pod last answered a request
    std::map<PodId, std::optional<common::Address>> probe_at_;  // of those of add_ready_pod()
    std::function<void(PodId)> on_pod_ready_;
    OnEnded on_request_ended_;
};

}  // namespace activator
