#include "activator/kubernetes/knative_app.hpp"

#include <array>
#include <csignal>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "activator/admin_door.hpp"
#include "activator/admin_port.hpp"
#include "activator/app.hpp"
#include "activator/client_limits.hpp"
#include "activator/kubernetes/api_client.hpp"
#include "activator/kubernetes/autoscaler_link.hpp"
#include "activator/kubernetes/cluster_source.hpp"
#include "activator/kubernetes/config_maps.hpp"
#include "activator/kubernetes/internal_tls.hpp"
#include "activator/kubernetes/metrics.hpp"
#include "activator/kubernetes/request_log.hpp"
#include "activator/kubernetes/startup.hpp"
#include "activator/kubernetes/stat_reporter.hpp"
#include "activator/kubernetes/watch_set.hpp"
#include "activator/orderly_end.hpp"
#include "common/async/give_back_memory.hpp"
#include "common/async/task_group.hpp"
#include "common/crypto/hmac.hpp"
#include "common/http/http_server.hpp"
#include "common/log/log.hpp"
#include "common/net/hangup_watch.hpp"
#include "common/net/open_files.hpp"
#include "common/time/system_time.hpp"

namespace activator::kubernetes {
namespace {

namespace asio = boost::asio;
using common::awaitable;
using nlohmann::json;

constexpr std::size_t own_key_bytes = 32;
// A kubelet that asks for nothing but readiness would restart us after 2 minutes (contract 7): from
// here on a lost autoscaler no longer counts, and what waits goes on waiting.
constexpr Duration outage_told = std::chrono::seconds(60);
constexpr const char* liveness_path = "/livez";
constexpr const char* service_type = "networking.internal.knative.dev/serviceType";

class App {
  public:
    App(const KnativeOptions& options, Config config, ApiAccess access,
        const AdminDoor& admin_door);
    int run();

  private:
    // --- Starting.
    awaitable<void> boot();
    awaitable<std::string> read_maps();
    awaitable<std::string> get_map(std::string name, ConfigData& data);
    awaitable<std::string> read_certificates();
    void export_telemetry();
    void start_watches();
    void watch_maps();
    void watch_secret(const char* name, std::function<void(const ConfigData&)> on_data);
    std::string open_ports();
    std::string open_prometheus();
    void serve();
    void end();

    // --- What the watches tell.
    void on_map(const json& object);
    void on_cookie_secret(const ConfigData& data);
    void use_observability(const ConfigData& data);
    void use_logging(const ConfigData& data);

    bool is_scraped() const {
        return observability_.metrics.protocol == common::MetricsProtocol::prometheus;
    }
    std::string health(std::string_view path);
    GatewayOptions gateway_options();

    KnativeOptions options_;
    Config config_;
    NetworkConfig network_;
    ActivatorObservability observability_;
    InternalTls tls_;
    RequestLog request_log_;
    asio::io_context io_{1};
    common::SystemTime time_{io_.get_executor()};
    common::HangupWatch hangups_{io_.get_executor()};
    common::TaskGroup tasks_{io_.get_executor()};
    ApiClient api_;
    std::unique_ptr<ClusterSource> source_;
    Gateway gateway_;
    AutoscalerLink link_;
    StatReporter reporter_;
    Metrics metrics_;
    AdminPort admin_;
    common::HttpServer prometheus_;
    WatchSet watches_{tasks_, time_, api_};
    OrderlyEnd ending_;
    bool ended_ = false;
    bool liveness_asked_ = false;
    bool has_cookie_key_ = false;
};

App::App(const KnativeOptions& options, Config config, ApiAccess access,
         const AdminDoor& admin_door)
    : options_(options),
      config_(std::move(config)),
      tls_(common::to_parameters(config_.tls)),
      api_(time_, std::move(access)),
      gateway_(tasks_, time_, hangups_, gateway_options()),
      link_(tasks_, time_, common::random_word(), config_.autoscaler),
      reporter_(gateway_, link_, config_.pod_name),
      metrics_(gateway_, reporter_, link_, config_.pod_name, config_.system_namespace),
      admin_(tasks_, time_, hangups_, gateway_, admin_door),
      prometheus_(tasks_, time_, hangups_, common::ServerLimits{},
                  [this](common::Exchange& client) { return metrics_.serve(client); }),
      ending_(io_, time_, gateway_, options.drain_delay, {[] {}, [this] { end(); }, {}}) {
    gateway_.on_request_ended([this](const common::Exchange& client, const RequestRecord& record) {
        metrics_.add(client, record);
        request_log_.add(client, record, gateway_.router());
    });
}

GatewayOptions App::gateway_options() {
    GatewayOptions gateway;
    gateway.cookie_keys = {common::random_bytes(own_key_bytes)};
    gateway.server = server_limits(options_.client_limits, false, common::raise_open_files_limit());
    gateway.door.edge = false;
    gateway.access_log = options_.log.access;
    gateway.door.cluster_domain = config_.cluster_domain;
    gateway.door.health = [this](std::string_view path) { return health(path); };
    gateway.probes.period = config_.probe_period;
    gateway.probes.timeout = config_.probe_timeout;
    gateway.pool.idle_max = config_.idle_connections;
    gateway.pool.idle_per_address_max = config_.idle_connections_per_pod;
    gateway.secure = [this](const common::Address& address) -> std::optional<common::TlsUse> {
        if (!network_.internal_tls) return std::nullopt;
        // Without a name no certificate fits: an address that is nobody's gets nothing.
        return tls_.to_pods(source_->namespace_of(address).value_or(""));
    };
    return gateway;
}

int App::run() {
    ending_.start();
    tasks_.spawn("boot", boot());
    io_.run();
    return ending_.exit_code();
}

// --- Starting (contract activator.md 7, "Start-up order").

awaitable<void> App::boot() {
    std::string problem =
        co_await wait_for_api(api_, time_, config_.kubernetes_min_version, ended_);
    if (problem.empty()) problem = co_await read_maps();
    if (problem.empty() && network_.internal_tls) problem = co_await read_certificates();
    if (problem.empty() && !ended_) {
        start_watches();
        problem = co_await watches_.first_lists();
        if (problem.empty() && !ended_) problem = open_ports();
    }
    if (ended_) co_return;
    if (!problem.empty()) {
        common::log_start_failed(problem);
        ending_.end_now(1);
        co_return;
    }
    serve();
}

awaitable<std::string> App::get_map(std::string name, ConfigData& data) {
    const ApiClient::Answer answer =
        co_await api_.get("/api/v1/namespaces/" + config_.system_namespace + "/configmaps/" + name);
    if (answer.problem.empty() && answer.status == 404)
        co_return "ConfigMap " + name + " is not there; Knative Serving is not installed in " +
            config_.system_namespace;
    std::string problem = problem_of("ConfigMap " + name, answer);
    if (!problem.empty()) co_return problem;
    const json object = json::parse(answer.body, nullptr, false);
    data = read_config_map(object);
    co_return std::string();
}

awaitable<std::string> App::read_maps() {
    ConfigData network;
    ConfigData logging;
    ConfigData observability;
    std::string problem = co_await get_map("config-network", network);
    if (problem.empty()) problem = co_await get_map(config_.logging_map, logging);
    if (problem.empty()) problem = co_await get_map(config_.observability_map, observability);
    if (!problem.empty()) co_return problem;
    network_ = read_network_config(network);
    if (!network_.problems.empty()) co_return "config-network: " + network_.problems.front();
    use_logging(logging);
    observability_ = read_observability(observability);
    use_observability(observability);
    for (const std::string& wrong : observability_.problems)
        common::log_warning("observability", wrong, {});
    export_telemetry();
    co_return std::string();
}

void App::export_telemetry() {
    const common::ProcessEnv env;
    const common::OtlpAttributes resource = telemetry_resource(config_);
    gateway_.trace_requests(common::read_trace_settings(env, observability_.tracing, resource));
    gateway_.push_metrics(common::read_metric_settings(env, observability_.metrics, resource),
                          [this] { return metrics_.families(); });
}

awaitable<std::string> App::read_certificates() {
    const std::string name = serving_certs_secret;
    const ApiClient::Answer answer =
        co_await api_.get("/api/v1/namespaces/" + config_.system_namespace + "/secrets/" + name);
    std::string problem =
        problem_of("Secret " + name + ", which system-internal-tls needs", answer);
    if (!problem.empty()) co_return problem;
    const json object = json::parse(answer.body, nullptr, false);
    problem = tls_.on_secret(read_secret(object));
    if (!problem.empty()) co_return "Secret " + name + ": " + problem;
    co_return std::string();
}

void App::start_watches() {
    SourceRules rules;
    rules.backends.mesh = network_.mesh;
    rules.backends.passthrough = network_.passthrough;
    rules.backends.probe_period = config_.probe_period;
    rules.probe_timeout = config_.probe_timeout;
    rules.own_ip = config_.pod_ip;
    rules.internal_tls = network_.internal_tls;
    rules.share_pods = config_.share_pods;
    source_ = std::make_unique<ClusterSource>(gateway_, tasks_, time_, std::move(rules));
    ClusterSource& source = *source_;
    const std::string private_label = std::string(service_type) + "=Private";
    const std::string public_label = std::string(service_type) + "=Public";
    const std::string with_uid = private_label + ",serving.knative.dev/revisionUID";

    watches_.add({"revisions", "/apis/serving.knative.dev/v1/revisions", "", ""},
                 {[&source](const json& object) { source.on_revision(read_revision(object)); },
                  [&source](const ObjectName& name) { source.on_revision_gone(name); },
                  {}});
    watches_.add(
        {"private endpoints", "/api/v1/endpoints", with_uid, ""},
        {[&source](const json& object) { source.on_private_endpoints(read_endpoints(object)); },
         [&source](const ObjectName& name) { source.on_private_endpoints_gone(name); },
         {}});
    watches_.add(
        {"public endpoints", "/api/v1/endpoints", public_label, ""},
        {[&source](const json& object) { source.on_public_endpoints(read_endpoints(object)); },
         [](const ObjectName&) {},
         {}});
    if (network_.mesh != MeshMode::disabled && !network_.passthrough)
        watches_.add(
            {"private services", "/api/v1/services", private_label, ""},
            {[&source](const json& object) { source.on_private_service(read_service(object)); },
             [&source](const ObjectName& name) { source.on_private_service_gone(name); },
             {}});
    watches_.add(
        {"knative services (sessions need them)", "/apis/serving.knative.dev/v1/services", "", ""},
        {[&source](const json& object) {
             source.on_service(read_name(object), read_annotations(object));
         },
         [&source](const ObjectName& name) { source.on_service_gone(name); },
         {}});
    watch_maps();
    watch_secret(cookie_key_secret, [this](const ConfigData& data) { on_cookie_secret(data); });
    if (network_.internal_tls)
        watch_secret(serving_certs_secret, [this](const ConfigData& data) {
            const std::string problem = tls_.on_secret(data);
            if (!problem.empty()) common::log_error("certificate", problem, {});
        });
    watches_.start();
}

void App::watch_maps() {
    watches_.add(
        {"configmaps", "/api/v1/namespaces/" + config_.system_namespace + "/configmaps", "", ""},
        {[this](const json& object) { on_map(object); },
         [this](const ObjectName& name) {
             if (network_.internal_tls) tls_.on_bundle(name.name, {});
         },
         {}});
}

void App::watch_secret(const char* name, std::function<void(const ConfigData&)> on_data) {
    watches_.add(
        {std::string("secret ") + name,
         "/api/v1/namespaces/" + config_.system_namespace + "/secrets", "",
         std::string("metadata.name=") + name},
        {[on_data = std::move(on_data)](const json& object) { on_data(read_secret(object)); },
         [](const ObjectName&) {},
         {}});
}

// Returns "" or what is wrong.
std::string App::open_ports() {
    std::string problem = gateway_.open(options_.http);
    if (problem.empty()) problem = gateway_.open(options_.h2c);
    if (problem.empty() && network_.internal_tls)
        problem = gateway_.open(options_.https, [this] { return tls_.server(); });
    if (problem.empty() && options_.admin) problem = admin_.open(*options_.admin);
    if (problem.empty() && is_scraped()) problem = open_prometheus();
    return problem;
}

std::string App::open_prometheus() {
    if (config_.metrics_tls) {
        common::TlsContext::Made made = common::make_metrics_context(*config_.metrics_tls);
        if (!made.error.empty()) return "METRICS_PROMETHEUS_TLS_CERT: " + made.error;
        prometheus_.secure_with([context = std::move(made.context)] { return context; });
    }
    return prometheus_.open({config_.metrics.host, config_.metrics.port, {}});
}

void App::serve() {
    gateway_.start();
    if (options_.admin) admin_.start();
    if (is_scraped()) prometheus_.start();
    reporter_.start();
    link_.start();
    if (!has_cookie_key_)
        common::log_info("cookie_key",
                         "no such Secret: session cookies are signed with a key of "
                         "this process's own, and other activators do not honour them",
                         {{"secret", cookie_key_secret}});
    common::log_info("started", "activator serves",
                     {{"address", common::to_string(gateway_.local_address())},
                      {"namespace", config_.system_namespace},
                      {"revisions", gateway_.router().revisions().size()}});
    common::unmap_startup_code();
}

void App::end() {
    ended_ = true;
    watches_.stop();
    reporter_.stop();
    link_.stop();
    if (source_) source_->close();
    gateway_.close_now(ending_.exit_code() == 0);
    admin_.close_now();
    prometheus_.close_now();
}

// --- What the watches tell.

void App::on_map(const json& object) {
    const ObjectName name = read_name(object);
    const ConfigData data = read_config_map(object);
    if (name.name == config_.logging_map) use_logging(data);
    if (name.name == config_.observability_map) use_observability(data);
    if (name.name == "config-autoscaler") source_->on_autoscaler_config(data);
    if (name.name == "config-network" && !(read_network_config(data) == network_))
        common::log_warning("config_network",
                            "config-network has changed: it counts at the next "
                            "start of the activator",
                            {});
    if (network_.internal_tls && !read_label(object, trust_bundle_label).empty())
        tls_.on_bundle(name.name, data);
}

void App::use_observability(const ConfigData& data) {
    const ActivatorObservability now = read_observability(data);
    request_log_.configure(now.request_log, now.request_log_template);
}

void App::use_logging(const ConfigData& data) {
    common::LogConfig log;
    log.program = "activator";
    log.format = options_.log.format;
    log.pod = config_.pod_name;
    log.level = read_log_level(data);
    common::configure_log(std::move(log));
}

void App::on_cookie_secret(const ConfigData& data) {
    std::vector<std::string> keys = read_cookie_keys(data);
    if (keys.empty()) return;
    gateway_.set_cookie_keys(std::move(keys));
    has_cookie_key_ = true;
}

// What the kubelet is told (contract activator.md 7). Its liveness probe must not restart an
// activator full of waiting requests because the autoscaler is away.
std::string App::health(std::string_view path) {
    if (path == liveness_path) {
        liveness_asked_ = true;
        return {};
    }
    if (ending_.begun()) return "received SIGTERM from kubelet";
    if (link_.connected()) return {};
    const bool long_outage = link_.was_connected() && time_.now() - link_.lost_at() >= outage_told;
    if (long_outage && !liveness_asked_) return {};
    return "connection has not yet been established";
}

}  // namespace

int run_knative(const KnativeOptions& options) {
    std::signal(SIGPIPE, SIG_IGN);
    std::optional<Found> found = find_cluster("activator", options.log.format);
    if (!found) return 1;
    AdminDoor admin_door;
    if (options.admin) admin_door = make_admin_door(*options.admin, options.admin_token_file);
    if (!admin_door.problem.empty()) {
        common::log_start_failed(admin_door.problem);
        return 1;
    }
    return std::make_unique<App>(options, std::move(found->config), std::move(found->access),
                                 admin_door)
        ->run();
}

}  // namespace activator::kubernetes
