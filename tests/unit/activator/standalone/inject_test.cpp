#include "activator/standalone/inject.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "proxy/config.hpp"

using namespace activator::standalone;
using nlohmann::json;

namespace {

// As the API server shows it to the webhook: with its defaults filled in.
json pod_of(json annotations = json::object()) {
    return json::parse(R"({
      "metadata": {"generateName": "sd-5d4f8-", "labels": {"sluice.dev/inject": "true"}},
      "spec": {
        "terminationGracePeriodSeconds": 30,
        "containers": [{
          "name": "app", "image": "sd", "ports": [{"name": "web", "containerPort": 7860}],
          "readinessProbe": {"httpGet": {"path": "/ping", "port": "web", "scheme": "HTTP"},
                             "periodSeconds": 2, "timeoutSeconds": 1, "successThreshold": 1,
                             "failureThreshold": 3}}]}})")
        .patch({{{"op", "add"}, {"path", "/metadata/annotations"}, {"value", annotations}}});
}

const InjectSettings settings{"registry/queue-proxy:1", "shop", "sd", {}};

const json& container(const json& pod, std::string_view name) {
    static const json none;
    for (const json& one : pod["spec"]["containers"]) {
        if (one["name"] == name) return one;
    }
    return none;
}

json env_of(const json& one, std::string_view name) {
    for (const json& variable : one["env"]) {
        if (variable["name"] == name)
            return variable.contains("value") ? variable["value"] : variable["valueFrom"];
    }
    return nullptr;
}

std::string only_problem(json pod) {
    const json before = pod;
    const Injected injected = inject(pod, settings);
    CHECK(pod == before);
    REQUIRE(injected.problems.size() == 1);
    return injected.problems.front();
}

}  // namespace

TEST_CASE("inject: the queue-proxy comes last, with what the contract wants",
          "[activator][standalone]") {
    json pod = pod_of({{"sluice.dev/container-concurrency", "2"},
                       {"sluice.dev/timeout-seconds", "90"},
                       {"sluice.dev/on-disconnect", "close"}});
    const Injected injected = inject(pod, settings);
    CHECK(injected.problems.empty());
    REQUIRE(pod["spec"]["containers"].size() == 2);
    const json& proxy = pod["spec"]["containers"][1];
    CHECK(proxy["name"] == "queue-proxy");
    CHECK(proxy["image"] == "registry/queue-proxy:1");
    CHECK(env_of(proxy, "CONTAINER_CONCURRENCY") == "2");
    CHECK(env_of(proxy, "REVISION_TIMEOUT_SECONDS") == "90");
    CHECK(env_of(proxy, "SLUICE_ON_DISCONNECT") == "close");
    CHECK(env_of(proxy, "USER_PORT") == "7860");
    CHECK(env_of(proxy, "SERVING_NAMESPACE") == "shop");
    CHECK(env_of(proxy, "SERVING_REVISION") == "sd");
    CHECK(env_of(proxy, "SERVING_POD")["fieldRef"]["fieldPath"] == "metadata.name");
    CHECK(env_of(proxy, "SERVING_POD_IP")["fieldRef"]["fieldPath"] == "status.podIP");
    CHECK(proxy["ports"][0]["containerPort"] == 8012);
    CHECK(proxy["securityContext"]["readOnlyRootFilesystem"] == true);
    CHECK(pod["spec"]["terminationGracePeriodSeconds"] == 105);
}

TEST_CASE("inject: a queue-proxy starts with the environment that it gets",
          "[activator][standalone]") {
    json pod = pod_of({{"sluice.dev/app", "a1111"}, {"sluice.dev/on-disconnect", "interrupt"}});
    inject(pod, settings);
    common::MapEnv::Map values;
    for (const json& variable : container(pod, "queue-proxy")["env"])
        values[variable["name"]] = variable.value("value", "from the pod");
    const proxy::LoadedConfig loaded = proxy::load_config(common::MapEnv(std::move(values)));
    const auto* config = std::get_if<proxy::Config>(&loaded.result);
    REQUIRE(config != nullptr);
    CHECK(loaded.warnings.empty());
    CHECK(config->limits.concurrency == 1);
    CHECK(config->user_port == 7860);
    CHECK(config->on_disconnect == common::OnDisconnect::interrupt);
    CHECK(config->knobs.app == "a1111");
    CHECK(config->probes.size() == 1);
    CHECK(config->drain_quiet == std::chrono::seconds(5));
    CHECK(config->identity.revision == "sd");
    CHECK(config->stats->port == 9090);
    CHECK(config->metrics->port == 9091);
}

TEST_CASE("inject: one request at a time unless something else is said",
          "[activator][standalone]") {
    json pod = pod_of();
    inject(pod, settings);
    CHECK(env_of(container(pod, "queue-proxy"), "CONTAINER_CONCURRENCY") == "1");
    CHECK(env_of(container(pod, "queue-proxy"), "REVISION_TIMEOUT_SECONDS") == "300");
    CHECK(pod["spec"]["terminationGracePeriodSeconds"] == 315);
}

TEST_CASE("inject: the readiness probe moves into the queue-proxy", "[activator][standalone]") {
    json pod = pod_of();
    inject(pod, settings);
    CHECK_FALSE(container(pod, "app").contains("readinessProbe"));
    const json& proxy = container(pod, "queue-proxy");
    const json probe = json::parse(env_of(proxy, "SERVING_READINESS_PROBE").get<std::string>());
    CHECK(probe["httpGet"]["port"] == 7860);  // by its name
    CHECK(probe["httpGet"]["host"] == "127.0.0.1");
    CHECK(probe["httpGet"]["path"] == "/ping");
    CHECK(probe["periodSeconds"] == 2);
    CHECK(proxy["readinessProbe"]["httpGet"]["port"] == 8012);
    CHECK(proxy["readinessProbe"]["httpGet"]["httpHeaders"][0]["value"] == "queue");
    CHECK(proxy["readinessProbe"]["periodSeconds"] == 2);
    CHECK(proxy["readinessProbe"]["failureThreshold"] == 3);
}

TEST_CASE("inject: kinds of readiness probes", "[activator][standalone]") {
    const auto probe_for = [](json own, json annotations = json::object()) {
        json pod = pod_of(std::move(annotations));
        json& app = pod["spec"]["containers"][0];
        app.erase("readinessProbe");
        if (!own.is_null()) app["readinessProbe"] = std::move(own);
        CHECK(inject(pod, settings).problems.empty());
        const json text = env_of(container(pod, "queue-proxy"), "SERVING_READINESS_PROBE");
        return std::pair(json::parse(text.get<std::string>()), container(pod, "app"));
    };
    const json tcp = {{"tcpSocket", {{"port", 7860}, {"host", "127.0.0.1"}}}};
    CHECK(probe_for(nullptr).first == tcp);
    CHECK(probe_for(nullptr, {{"sluice.dev/app", "a1111"}}).first["httpGet"]["path"] ==
          "/internal/ping");
    CHECK(probe_for({{"tcpSocket", {{"port", 9999}}}}).first["tcpSocket"]["port"] == 9999);
    const auto grpc = probe_for({{"grpc", {{"port", 7860}, {"service", "x"}}}}).first;
    CHECK(grpc["grpc"] == json{{"port", 7860}, {"service", "x"}});
    // Only the kubelet can run a command: it stays, and the port has to be open besides.
    const auto exec = probe_for({{"exec", {{"command", {"true"}}}}, {"periodSeconds", 7}});
    CHECK(exec.first == tcp);
    CHECK(exec.second["readinessProbe"]["exec"]["command"][0] == "true");
}

TEST_CASE("inject: every container waits until the requests have ended",
          "[activator][standalone]") {
    json pod = pod_of();
    pod["spec"]["containers"].push_back({{"name", "helper"}, {"lifecycle", {{"postStart", {}}}}});
    CHECK(inject(pod, settings).problems.empty());
    for (const char* const name : {"app", "helper"}) {
        const json& pre_stop = container(pod, name)["lifecycle"]["preStop"];
        CHECK(pre_stop["httpGet"] == json{{"port", 8022}, {"path", "/wait-for-drain"}});
    }
    CHECK(container(pod, "helper")["lifecycle"].contains("postStart"));
    CHECK_FALSE(container(pod, "queue-proxy").contains("lifecycle"));
}

TEST_CASE("inject: PORT is set where it is not", "[activator][standalone]") {
    json pod = pod_of();
    pod["spec"]["containers"][0]["env"] = {{{"name", "MINE"}, {"value", "$(PORT)"}}};
    inject(pod, settings);
    CHECK(container(pod, "app")["env"][0] == json{{"name", "PORT"}, {"value", "7860"}});
    CHECK(container(pod, "app")["env"].size() == 2);
    pod = pod_of();
    pod["spec"]["containers"][0]["env"] = {{{"name", "PORT"}, {"value", "1"}}};
    inject(pod, settings);
    CHECK(container(pod, "app")["env"] == json{{{"name", "PORT"}, {"value", "1"}}});
}

TEST_CASE("inject: a second time changes nothing", "[activator][standalone]") {
    json pod = pod_of();
    inject(pod, settings);
    const json once = pod;
    CHECK(inject(pod, settings).problems.empty());
    CHECK(pod == once);
}

TEST_CASE("inject: a longer grace period stays", "[activator][standalone]") {
    json pod = pod_of();
    pod["spec"]["terminationGracePeriodSeconds"] = 4000;
    inject(pod, settings);
    CHECK(pod["spec"]["terminationGracePeriodSeconds"] == 4000);
}

TEST_CASE("inject: what cannot be right is one line with the field and the range",
          "[activator][standalone]") {
    CHECK(only_problem(pod_of({{"sluice.dev/container-concurrency", "1001"}})) ==
          "annotation sluice.dev/container-concurrency: \"1001\" is not an integer from 0 to 1000");
    const std::string scale = only_problem(pod_of({{"autoscaling.knative.dev/max-scale", "-1"}}));
    CHECK(scale.starts_with("annotation autoscaling.knative.dev/max-scale: "));

    json pod = pod_of();
    pod["spec"]["containers"][0]["ports"][0]["containerPort"] = 8012;
    CHECK(
        only_problem(pod).starts_with("spec.containers[app].ports[0].containerPort: 8012 is the"));
    pod = pod_of();
    pod["spec"]["containers"][0]["lifecycle"]["preStop"]["exec"]["command"] = {"sleep", "5"};
    CHECK(only_problem(pod).starts_with("spec.containers[app].lifecycle.preStop: must not be set"));
    pod = pod_of();
    pod["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] = "wbe";
    CHECK(only_problem(pod).starts_with(
        "spec.containers[app].readinessProbe.httpGet.port: \"wbe\" is neither"));
    pod = pod_of();
    pod["spec"]["containers"][0].erase("ports");
    pod["spec"]["containers"].push_back({{"name", "other"}});
    CHECK(only_problem(pod).starts_with("spec.containers: which one serves?"));
    pod["spec"]["containers"] = json::array();
    CHECK(only_problem(pod) == "spec.containers: there is none");
}

TEST_CASE("inject: several wrong annotations are all named, a misspelt one is a warning",
          "[activator][standalone]") {
    json pod = pod_of({{"sluice.dev/queue-limit", "0"},
                       {"sluice.dev/timeout-seconds", "0"},
                       {"sluice.dev/queue-limt", "5"}});
    const Injected injected = inject(pod, settings);
    CHECK(injected.problems.size() == 2);
    REQUIRE(injected.warnings.size() == 1);
    CHECK(injected.warnings.front() ==
          "annotation sluice.dev/queue-limt: unknown annotation, ignored; did you mean "
          "sluice.dev/queue-limit?");
}
