#include "activator/standalone/inject.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/json_fields.hpp"
#include "activator/standalone/workload.hpp"
#include "common/config/app_presets.hpp"

namespace activator::standalone {
namespace {

using kubernetes::at;
using kubernetes::list;
using kubernetes::text;
using nlohmann::json;

constexpr std::int64_t default_port = 8080;  // Knative's
constexpr std::int64_t admin_port = 8022;    // contract queue-proxy.md 2
constexpr std::int64_t metrics_port = 9091;
constexpr std::array<std::int64_t, 6> taken_ports{8008, 8012, 8112, admin_port, 9090, metrics_port};
// Our activators see in moments that a pod ends, and send it nothing from then on. (Knative's
// Endpoints take their time: 30 s.)
constexpr std::int64_t quiet_seconds = 5;
// Beyond the longest request: the quiet time, and the application's own end.
constexpr std::int64_t grace_extra_seconds = quiet_seconds + 10;
constexpr std::int64_t user_id = 65532;  // the image's
constexpr std::array actions{"httpGet", "tcpSocket", "grpc", "exec"};

class Injection {
  public:
    Injection(json& pod, const InjectSettings& settings)
        : settings_(settings),
          pod_(pod),
          policy_(read_policy(kubernetes::read_annotations(pod), settings.autoscaler)),
          problems_(policy_.problems) {}

    Injected run() {
        const std::ptrdiff_t index = serving_container(pod_["spec"]);
        if (index < 0) {
            problems_.emplace_back(
                "spec.containers: which one serves? Give that one, and it alone, ports");
            return {std::move(problems_), std::move(policy_.warnings)};
        }
        json original = pod_;
        json& app = pod_["spec"]["containers"][static_cast<std::size_t>(index)];
        name_ = "spec.containers[" + text(app, {"name"}) + "]";
        read_port(app);
        const json probe = take_probe(app);
        add_port_variable(app);
        if (at(app, {"lifecycle", "preStop"}) != nullptr)
            problems_.push_back(name_ +
                                ".lifecycle.preStop: must not be set; ours waits until the "
                                "requests have ended");
        wait_for_drain();
        pod_["spec"]["containers"].push_back(queue_proxy(probe));
        auto grace = kubernetes::integer(pod_, {"spec", "terminationGracePeriodSeconds"}, 0);
        const auto timeout = static_cast<std::int64_t>(policy_.knobs.timeout_seconds);
        pod_["spec"]["terminationGracePeriodSeconds"] =
            std::max(grace, timeout + grace_extra_seconds);
        if (!problems_.empty()) pod_ = std::move(original);
        return {std::move(problems_), std::move(policy_.warnings)};
    }

  private:
    void read_port(const json& app) {
        const json& ports = list(app, {"ports"});
        port_ = default_port;
        if (!ports.empty()) {
            port_ = kubernetes::integer(ports.front(), {"containerPort"}, default_port);
            port_name_ = text(ports.front(), {"name"});
        }
        if (std::find(taken_ports.begin(), taken_ports.end(), port_) == taken_ports.end()) return;
        problems_.push_back(name_ + ".ports[0].containerPort: " + std::to_string(port_) +
                            " is the queue-proxy's own; any port but 8008, 8012, 8022, 8112, 9090 "
                            "and 9091 is good");
    }

    // The port that a probe names: by number, or by the name of one of the container's ports.
    std::int64_t probed_port(const json& action, const std::string& where) {
        const json* port = at(action, {"port"});
        if (port == nullptr) return port_;
        if (port->is_number_integer()) return port->get<std::int64_t>();
        if (port->is_string() && port->get<std::string>() == port_name_) return port_;
        problems_.push_back(where + ".port: " + port->dump() +
                            " is neither a number nor the name of the container's first port");
        return port_;
    }

    // The serving container's probe as the queue-proxy gets it (contract queue-proxy.md 4.2).
    json take_probe(json& app) {
        json probe = json::object();
        const json* own = at(app, {"readinessProbe"});
        if (own != nullptr) probe = *own;
        const bool exec = at(probe, {"exec"}) != nullptr;
        if (exec) probe = json::object();
        if (own != nullptr && !exec) app.erase("readinessProbe");
        const common::AppPreset* preset = common::find_app_preset(policy_.knobs.app);
        if (own == nullptr && preset != nullptr && !preset->readiness_path.empty())
            probe["httpGet"] = {{"path", preset->readiness_path}};
        const bool has_action = std::any_of(actions.begin(), actions.end(), [&](const char* name) {
            return at(probe, {name}) != nullptr;
        });
        if (!has_action) probe["tcpSocket"] = json::object();
        for (const char* const name : actions) {
            if (at(probe, {name}) == nullptr) continue;
            probe[name]["port"] =
                probed_port(probe[name], name_ + ".readinessProbe." + std::string(name));
            if (std::string_view(name) != "grpc") probe[name]["host"] = "127.0.0.1";
        }
        return probe;
    }

    // As in Knative, so that `--port $(PORT)` works in both.
    void add_port_variable(json& app) const {
        for (const json& variable : list(app, {"env"})) {
            if (text(variable, {"name"}) == "PORT") return;
        }
        const json variable = {{"name", "PORT"}, {"value", std::to_string(port_)}};
        if (at(app, {"env"}) == nullptr) app["env"] = json::array();
        // First: later entries may use it as $(PORT).
        app["env"].insert(app["env"].begin(), variable);
    }

    void wait_for_drain() {
        for (json& container : pod_["spec"]["containers"]) {
            if (at(container, {"lifecycle", "preStop"}) != nullptr) continue;
            if (at(container, {"lifecycle"}) == nullptr) container["lifecycle"] = json::object();
            container["lifecycle"]["preStop"] = {
                {"httpGet", {{"port", admin_port}, {"path", "/wait-for-drain"}}}};
        }
    }

    json environment(const json& probe) const {
        std::map<std::string, std::string> values = common::knobs_to_env(policy_.knobs);
        values["CONTAINER_CONCURRENCY"] = std::to_string(policy_.knobs.container_concurrency);
        values["REVISION_TIMEOUT_SECONDS"] = std::to_string(policy_.knobs.timeout_seconds);
        values["SERVING_NAMESPACE"] = settings_.name_space;
        for (const char* const name :
             {"SERVING_SERVICE", "SERVING_CONFIGURATION", "SERVING_REVISION"})
            values[name] = settings_.deployment;
        values["SERVING_LOGGING_CONFIG"] = "";
        values["SERVING_LOGGING_LEVEL"] = "";
        values["SERVING_READINESS_PROBE"] = probe.dump();
        values["QUEUE_SERVING_PORT"] = std::to_string(queue_proxy_port);
        values["QUEUE_SERVING_TLS_PORT"] = "8112";
        values["USER_PORT"] = std::to_string(port_);
        values["SLUICE_METRICS_PORT"] = std::to_string(metrics_port);
        values["SLUICE_DRAIN_QUIET"] = std::to_string(quiet_seconds) + "s";
        json variables = json::array();
        for (const auto& [name, value] : values)
            variables.push_back({{"name", name}, {"value", value}});
        const auto from_field = [&](const char* name, const char* path) {
            variables.push_back(
                {{"name", name}, {"valueFrom", {{"fieldRef", {{"fieldPath", path}}}}}});
        };
        from_field("SERVING_POD", "metadata.name");
        from_field("SERVING_POD_IP", "status.podIP");
        from_field("POD_NAME", "metadata.name");
        return variables;
    }

    // The kubelet's probe of the queue-proxy, with the times of the application's.
    static json proxy_probe(const json& probe) {
        json own = {{"httpGet",
                     {{"port", queue_proxy_port},
                      {"path", "/"},
                      {"httpHeaders", {{{"name", "K-Network-Probe"}, {"value", "queue"}}}}}}};
        for (const char* const name : {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                                       "successThreshold", "failureThreshold"}) {
            const json* value = at(probe, {name});
            if (value != nullptr) own[name] = *value;
        }
        return own;
    }

    json queue_proxy(const json& probe) const {
        const auto port = [](const char* name, std::int64_t number) {
            return json{{"name", name}, {"containerPort", number}, {"protocol", "TCP"}};
        };
        return {
            {"name", queue_proxy_container},
            {"image", settings_.image},
            {"env", environment(probe)},
            {"ports",
             {port("queue-port", queue_proxy_port), port("http-autometric", queue_proxy_stats_port),
              port("http-usermetric", metrics_port)}},
            {"readinessProbe", proxy_probe(probe)},
            {"resources", {{"requests", {{"cpu", "25m"}, {"memory", "32Mi"}}}}},
            {"securityContext",
             {{"allowPrivilegeEscalation", false},
              {"capabilities", {{"drop", {"ALL"}}}},
              {"readOnlyRootFilesystem", true},
              {"runAsNonRoot", true},
              {"runAsUser", user_id},
              {"seccompProfile", {{"type", "RuntimeDefault"}}}}}};
    }

    const InjectSettings& settings_;
    json& pod_;
    WorkloadPolicy policy_;
    std::vector<std::string> problems_;
    std::string name_;
    std::int64_t port_ = default_port;
    std::string port_name_;
};

bool has_queue_proxy(const json& pod) {
    const json& containers = list(pod, {"spec", "containers"});
    return std::any_of(containers.begin(), containers.end(), [](const json& container) {
        return text(container, {"name"}) == queue_proxy_container;
    });
}

}  // namespace

Injected inject(json& pod, const InjectSettings& settings) {
    if (has_queue_proxy(pod)) return {};
    if (list(pod, {"spec", "containers"}).empty()) return {{"spec.containers: there is none"}, {}};
    return Injection(pod, settings).run();
}

}  // namespace activator::standalone
