#include "activator/gateway.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "activator/access_log.hpp"
#include "activator/api_keys.hpp"
#include "activator/request_spans.hpp"
#include "activator/status.hpp"

namespace activator {
namespace {

// A pod in doubt is probed after 50 ms, then 100 ms, … 5 s: as the scheduler's back-off.
constexpr common::Duration first_doubt = std::chrono::milliseconds(50);
constexpr common::Duration lag_period = std::chrono::milliseconds(500);
constexpr common::Duration longest_doubt = std::chrono::seconds(5);

common::ServerLimits with_http2(common::ServerLimits limits) {
    limits.http2 = true;
    return limits;
}

}  // namespace

Gateway::Gateway(common::TaskGroup& tasks, common::TimeSource& time, common::HangupWatch& hangups,
                 GatewayOptions options)
    : tasks_(tasks),
      time_(time),
      hangups_(hangups),
      server_limits_(with_http2(options.server)),
      metrics_of_(options.metrics_of),
      access_log_(options.access_log),
      router_(time, tasks.executor(), options.limits),
      slots_(tasks, time, router_),
      cookies_(std::move(options.cookie_keys)),
      pool_(time, options.pool),
      probe_places_(tasks.executor()),
      prober_(tasks, time, probe_places_, options.probes, [this](PodId id) { pod_ready(id); }),
      context_{router_, pool_, tasks, time, cookies_, std::move(options.door), {}, {}, nullptr},
      lag_(time, lag_period) {
    pool_.secure_with(std::move(options.secure));
    context_.route = [this](const common::RequestHead& head) { return route(head); };
    context_.on_finished = [this](const common::Exchange& client, const RequestRecord& ended) {
        record(client, ended);
    };
    router_.leave_reservations_with(&slots_);
    router_.on_unreachable([this](PodId id) { doubt_pod(id); });
}

common::HttpServer& Gateway::add_server(TlsPort secured) {
    auto server = std::make_unique<common::HttpServer>(
        tasks_, time_, hangups_, server_limits_,
        [this](common::Exchange& client) { return serve_request(client, context_); });
    if (secured) {
        server->secure_with(std::move(secured));
        context_.door.tls = true;
    }
    servers_.push_back(std::move(server));
    return *servers_.back();
}

std::string Gateway::open(const common::Address& address, TlsPort secured) {
    return add_server(std::move(secured)).open(address);
}

std::string Gateway::adopt(common::UniqueFd socket, TlsPort secured) {
    return add_server(std::move(secured)).adopt(std::move(socket));
}

void Gateway::start() {
    for (const auto& server : servers_)
        server->start();
    lag_.start();
}

void Gateway::retire() {
    for (const auto& server : servers_)
        server->retire();
}

void Gateway::shut_down() {
    for (const auto& server : servers_)
        server->shut_down();
}

std::string Gateway::load_api_keys(const std::string& file) {
    if (file.empty()) return {};
    std::string problem;
    std::optional<ApiKeys> keys = ApiKeys::of_file(file, problem);
    if (keys) context_.door.keys = std::make_shared<const ApiKeys>(std::move(*keys));
    return problem;
}

std::size_t Gateway::connections() const {
    std::size_t count = 0;
    for (const auto& server : servers_)
        count += server->connections();
    return count;
}

std::size_t Gateway::refused_connections() const {
    std::size_t count = 0;
    for (const auto& server : servers_)
        count += server->refused();
    return count;
}

std::size_t Gateway::evicted_connections() const {
    std::size_t count = 0;
    for (const auto& server : servers_)
        count += server->evicted();
    return count;
}

void Gateway::close_now(bool flush_telemetry) {
    const Duration flush = flush_telemetry ? telemetry_flush_max : Duration::zero();
    // What it counts goes with the revisions.
    if (metric_exporter_) metric_exporter_->close(flush);
    for (const auto& server : servers_)
        server->close_now();
    prober_.close();
    probe_places_.close();
    slots_.close();
    pool_.clear();
    router_.close();
    lag_.stop();
    if (tracer_) tracer_->close(flush);
}

void Gateway::export_telemetry(const common::Env& env, const common::OtlpAttributes& resource) {
    trace_requests(common::read_trace_settings(env, {}, resource));
    push_metrics(common::read_metric_settings(env, {}, resource));
}

void Gateway::trace_requests(common::TraceChoice choice) {
    tracer_ = common::start_tracing(time_, tasks_, std::move(choice));
    context_.tracer = tracer_.get();
}

void Gateway::push_metrics(common::MetricChoice choice, common::MetricExporter::Collect collect) {
    if (!collect) collect = [this] { return metric_families(*this); };
    metric_exporter_ =
        common::start_metric_export(time_, tasks_, std::move(choice), std::move(collect));
}

RevisionId Gateway::add_revision(Revision revision) {
    const RevisionId id = router_.add_revision(std::move(revision));
    accounts_.try_emplace(id);
    routes_.add(*router_.revision(id));
    return id;
}

void Gateway::update_revision(RevisionId id, Revision revision) {
    router_.update_revision(id, std::move(revision));
}

void Gateway::remove_revision(RevisionId id) {
    const std::shared_ptr<const Revision> revision = router_.revision(id);
    if (!revision) return;
    for (const Pod* pod : router_.pods(id)) {
        prober_.forget(pod->id);
        pool_.forget(pod->address);
        doubts_.erase(pod->id);
        probe_at_.erase(pod->id);
    }
    routes_.remove(*revision);
    router_.remove_revision(id);
    accounts_.erase(id);
}

PodId Gateway::add_pod(RevisionId revision, std::string name, common::Address queue_proxy,
                       std::optional<Instant> asked_at) {
    const PodId id = router_.add_pod(revision, std::move(name), queue_proxy);
    if (!asked_at) asked_at = router_.short_of_pods_since(revision);
    if (asked_at) accounts_.at(revision).cold_starts.created(id, *asked_at, time_.now());
    prober_.probe(id, std::move(queue_proxy));
    return id;
}

PodId Gateway::add_ready_pod(RevisionId revision, ReadyPod pod) {
    const PodId id = router_.add_pod(revision, std::move(pod.name), std::move(pod.address));
    probe_at_[id] = std::move(pod.probe_at);
    if (const std::optional<Instant> asked_at = router_.short_of_pods_since(revision)) {
        ColdStarts& starts = accounts_.at(revision).cold_starts;
        starts.created(id, *asked_at, time_.now());
        starts.ready(id, time_.now());
    }
    router_.set_pod_ready(id, true);
    return id;
}

void Gateway::set_pod_ready(PodId id, bool ready) {
    prober_.forget(id);
    router_.set_pod_ready(id, ready);
}

void Gateway::doubt_pod(PodId id) {
    const Pod* pod = router_.pod(id);
    if (pod == nullptr) return;
    pool_.forget(pod->address);
    if (!router_.pod_view(id)->ready) return;  // in doubt already
    const auto told = probe_at_.find(id);
    if (told != probe_at_.end() && !told->second) return;
    const common::Address address = told == probe_at_.end() ? pod->address : *told->second;
    router_.set_pod_ready(id, false);
    const unsigned doubts = std::min(doubts_[id]++, 16U);
    prober_.probe(id, address, std::min(first_doubt * (1U << doubts), longest_doubt));
}

void Gateway::drain_pod(PodId id) {
    router_.drain_pod(id);
}

void Gateway::remove_pod(PodId id) {
    prober_.forget(id);
    const Pod* pod = router_.pod(id);
    if (pod == nullptr) return;
    pool_.forget(pod->address);
    doubts_.erase(id);
    probe_at_.erase(id);
    accounts_.at(pod->revision).cold_starts.forget(id);
    router_.remove_pod(id);
}

void Gateway::pod_ready(PodId id) {
    const Pod* pod = router_.pod(id);
    if (pod != nullptr) accounts_.at(pod->revision).cold_starts.ready(id, time_.now());
    router_.set_pod_ready(id, true);
    if (on_pod_ready_) on_pod_ready_(id);
}

std::optional<RevisionId> Gateway::route(const common::RequestHead& head) const {
    if (context_.door.edge) return routes_.by_host(head.fields.get("Host"));
    const RevisionNames names = revision_names(head, context_.door.cluster_domain);
    return routes_.by_name(names.name_space, names.name);
}

void Gateway::count(const RequestRecord& ended) {
    const auto found = accounts_.find(ended.revision);
    if (found == accounts_.end()) return;
    RevisionAccount& account = found->second;
    account.totals.add(ended);
    if (ended.answer_began != Instant{})
        account.cold_starts.first_byte(ended.pod_id, ended.answer_began);
    if (ended.session == RequestRecord::Session::none) return;
    const Duration idle = router_.revision(ended.revision)->knobs.affinity.timeout;
    account.sessions.note(ended.session_id, ended.session_id_before, ended.session_pod, ended.ended,
                          ended.ended + idle);
}

void Gateway::record(const common::Exchange& client, const RequestRecord& ended) {
    if (on_request_ended_) on_request_ended_(client, ended);
    count(ended);
    const bool answered = ended.ended_by == RequestRecord::EndedBy::pod && ended.status != 502;
    if (answered) doubts_.erase(ended.pod_id);
    const bool logged = common::is_logged(access_log_, has_failed(ended));
    if (!logged && ended.trace == nullptr) return;
    const std::shared_ptr<const Revision> revision = router_.revision(ended.revision);
    if (logged) log_request(client, ended, revision.get());
    if (ended.trace != nullptr) record_spans(*tracer_, client, ended, revision.get());
}

}  // namespace activator
