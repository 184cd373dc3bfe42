#include "activator/standalone/standalone_app.hpp"

#include <csignal>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "activator/admin_door.hpp"
#include "activator/admin_port.hpp"
#include "activator/gateway.hpp"
#include "activator/kubernetes/startup.hpp"
#include "activator/kubernetes/watch_set.hpp"
#include "activator/orderly_end.hpp"
#include "activator/standalone/cluster_settings.hpp"
#include "activator/standalone/leadership.hpp"
#include "activator/standalone/load_reporter.hpp"
#include "activator/standalone/peers.hpp"
#include "activator/standalone/scaling.hpp"
#include "activator/standalone/workload_source.hpp"
#include "common/async/give_back_memory.hpp"
#include "common/async/signal.hpp"
#include "common/async/task_group.hpp"
#include "common/crypto/hmac.hpp"
#include "common/log/log.hpp"
#include "common/net/hangup_watch.hpp"
#include "common/net/open_files.hpp"
#include "common/time/system_time.hpp"

namespace activator::standalone {
namespace {

namespace asio = boost::asio;
using common::awaitable;
using kubernetes::Config;
using kubernetes::Watch;
using nlohmann::json;

constexpr std::size_t own_key_bytes = 32;

class App {
  public:
    App(const StandaloneOptions& options, Config config, kubernetes::ApiAccess access,
        const AdminDoor& admin_door);
    int run();

  private:
    // --- Starting.
    awaitable<void> boot();
    void start_watches();
    Watch::What named(const char* kind, const char* name) const;
    std::string open_ports();
    void serve();
    void end();

    // --- News.
    void on_autoscaler_map(const json& object);
    void on_cookie_secret(const json& object);
    void deliver(RevisionReports reports);
    bool on_reports(const std::string& activator, const RevisionReports& reports);
    void say(const std::string& service, const std::string& line);
    void reload();
    std::string health() const;
    std::string identity() const;
    GatewayOptions gateway_options() const;

    StandaloneOptions options_;
    Config config_;
    autoscaler::Config autoscaler_;
    std::vector<std::string> own_keys_{common::random_bytes(own_key_bytes)};
    asio::io_context io_{1};
    common::SystemTime time_{io_.get_executor()};
    common::HangupWatch hangups_{io_.get_executor()};
    common::TaskGroup tasks_{io_.get_executor()};
    kubernetes::ApiClient api_;
    Gateway gateway_;
    AdminPort admin_;
    WorkloadSource source_;
    Scaling scaling_;
    Leadership leadership_;
    Peers peers_;
    LoadReporter reporter_;
    kubernetes::WatchSet watches_{tasks_, time_, api_};
    OrderlyEnd ending_;
    bool ended_ = false;
};

App::App(const StandaloneOptions& options, Config config, kubernetes::ApiAccess access,
         const AdminDoor& admin_door)
    : options_(options),
      config_(std::move(config)),
      api_(time_, std::move(access)),
      gateway_(tasks_, time_, hangups_, gateway_options()),
      admin_(tasks_, time_, hangups_, gateway_, admin_door),
      source_(gateway_),
      scaling_(
          {gateway_, source_, api_, tasks_, time_,
           [this](const std::string& service, const std::string& line) { say(service, line); }}),
      leadership_(tasks_, time_, api_, config_.system_namespace, identity(),
                  {[this] { scaling_.begin(); }, [this] { scaling_.end(); }}),
      peers_(tasks_, time_, hangups_, identity(),
             {[this](const std::string& activator, const RevisionReports& reports) {
                  return on_reports(activator, reports);
              },
              [this] { return health(); }}),
      reporter_(gateway_.router(), time_,
                [this](RevisionReports reports) { deliver(std::move(reports)); }),
      ending_(io_, time_, gateway_, options.drain_delay,
              {[this] { reload(); }, [this] { end(); }, [this] { leadership_.resign(); }}) {
    peers_.set_keys(own_keys_);
    source_.on_change([this](const ObjectName& name) { scaling_.on_change(name); });
}

GatewayOptions App::gateway_options() const {
    GatewayOptions gateway;
    gateway.cookie_keys = own_keys_;
    gateway.access_log = options_.log.access;
    gateway.server = server_limits(options_.client_limits, true, common::raise_open_files_limit());
    gateway.probes.period = config_.probe_period;
    gateway.probes.timeout = config_.probe_timeout;
    gateway.pool.idle_per_address_max = config_.idle_connections_per_pod;
    return gateway;
}

std::string App::identity() const {
    const common::Address peers{config_.pod_ip, options_.peers.port, {}};
    return config_.pod_name + "@" + common::to_string(peers);
}

int App::run() {
    ending_.start();
    tasks_.spawn("boot", boot());
    io_.run();
    return ending_.exit_code();
}

// --- Starting.

awaitable<void> App::boot() {
    std::string problem = co_await kubernetes::wait_for_api(api_, time_, kubernetes_min, ended_);
    if (problem.empty() && !ended_) {
        start_watches();
        problem = co_await watches_.first_lists();
    }
    if (problem.empty() && !ended_) problem = open_ports();
    if (ended_) co_return;
    if (!problem.empty()) {
        common::log_start_failed(problem);
        ending_.end_now(1);
        co_return;
    }
    serve();
}

// One object in our own namespace.
Watch::What App::named(const char* kind, const char* name) const {
    return {std::string(kind) + " " + name,
            "/api/v1/namespaces/" + config_.system_namespace + "/" + kind, "",
            std::string("metadata.name=") + name};
}

void App::start_watches() {
    using Need = kubernetes::WatchSet::Need;
    watches_.add(named("configmaps", autoscaler_map),
                 {[this](const json& object) { on_autoscaler_map(object); },
                  [this](const ObjectName&) { on_autoscaler_map(json::object()); },
                  {}});
    watches_.add(
        named("secrets", kubernetes::cookie_key_secret),
        {[this](const json& object) { on_cookie_secret(object); }, [](const ObjectName&) {}, {}});
    watches_.add({"deployments", "/apis/apps/v1/deployments", "", ""},
                 {[this](const json& object) { source_.on_deployment(read_deployment(object)); },
                  [this](const ObjectName& name) { source_.on_deployment_gone(name); },
                  {}},
                 Need::required);
    watches_.add({"pods", "/api/v1/pods", std::string(inject_label) + "=true", ""},
                 {[this](const json& object) { source_.on_pod(read_pod(object)); },
                  [this](const ObjectName& name) { source_.on_pod_gone(name); },
                  {}},
                 Need::required);
    watches_.start();
}

// Returns "" or what is wrong.
std::string App::open_ports() {
    std::string problem = gateway_.load_api_keys(options_.api_keys_file);
    if (!problem.empty()) return "--api-keys " + problem;
    problem = gateway_.open(options_.listen);
    if (!problem.empty()) return "--listen " + problem;
    problem = peers_.open(options_.peers);
    if (!problem.empty()) return "--peers " + problem;
    if (options_.admin) problem = admin_.open(*options_.admin);
    return problem.empty() ? problem : "--admin " + problem;
}

void App::serve() {
    gateway_.export_telemetry(common::ProcessEnv(), kubernetes::telemetry_resource(config_));
    gateway_.start();
    peers_.start();
    if (options_.admin) admin_.start();
    reporter_.start();
    leadership_.start();
    common::log_info("started", "activator serves",
                     {{"address", common::to_string(gateway_.local_address())},
                      {"namespace", config_.system_namespace},
                      {"deployments", source_.workloads().size()}});
    common::unmap_startup_code();
}

void App::end() {
    ended_ = true;
    watches_.stop();
    leadership_.stop();
    scaling_.end();
    reporter_.stop();
    peers_.close_now();
    gateway_.close_now(ending_.exit_code() == 0);
    admin_.close_now();
}

// --- News.

void App::on_autoscaler_map(const json& object) {
    const std::string problem =
        take_autoscaler_config(kubernetes::read_config_map(object), autoscaler_);
    if (!problem.empty()) common::log_error("config_autoscaler", problem, {});
    source_.on_autoscaler_config(autoscaler_);
}

void App::on_cookie_secret(const json& object) {
    std::vector<std::string> keys = kubernetes::read_cookie_keys(kubernetes::read_secret(object));
    if (keys.empty()) return;
    peers_.set_keys(keys);
    gateway_.set_cookie_keys(std::move(keys));
}

void App::deliver(RevisionReports reports) {
    if (leadership_.leads())
        scaling_.on_reports(config_.pod_name, reports);
    else if (const std::optional<common::Address> leader = leadership_.leader())
        peers_.send(*leader, std::move(reports));
    // Else nobody leads; the next report says it again.
}

bool App::on_reports(const std::string& activator, const RevisionReports& reports) {
    if (!leadership_.leads()) return false;
    scaling_.on_reports(activator, reports);
    return true;
}

void App::say(const std::string& service, const std::string& line) {
    common::log_info("scale", line, {});
    admin_.log(service, line);
}

void App::reload() {
    const std::string problem = gateway_.load_api_keys(options_.api_keys_file);
    if (!problem.empty()) common::log_error("api_keys", "the keys stay as they were: " + problem);
}

std::string App::health() const {
    return ending_.begun() ? "received SIGTERM from kubelet" : "";
}

}  // namespace

int run_standalone(const StandaloneOptions& options) {
    std::signal(SIGPIPE, SIG_IGN);
    std::optional<kubernetes::Found> found =
        kubernetes::find_cluster("activator", options.log.format);
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

}  // namespace activator::standalone
