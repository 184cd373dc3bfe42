#include "sluice/service/pod_spec.hpp"

#include <catch2/catch.hpp>

using namespace sluice;
using namespace std::chrono_literals;

namespace {
ServiceSpec example() {
    ServiceSpec service;
    service.name = "sd";
    service.name_space = "art";
    service.revision = "sd-00001";
    service.container_concurrency = 1;
    service.timeout_seconds = 120;
    service.response_start_timeout_seconds = 60;
    service.idle_timeout_seconds = 30;
    service.termination_grace_seconds = 45;
    service.container.image = "i";
    service.container.command = {"run"};
    service.container.args = {"--port", "$(PORT)"};
    service.container.env = {{"A", "$(PORT)"}};
    service.container.working_dir = "/w";
    service.container.port = {7860, "http1"};
    service.container.gpus = 1;
    return service;
}
}  // namespace

TEST_CASE("pod spec: the queue-proxy is told what Knative's controller would tell it", "[sluice]") {
    auto service = example();
    CHECK(queue_proxy_env(service) == std::map<std::string, std::string>{
                                          {"CONTAINER_CONCURRENCY", "1"},
                                          {"REVISION_TIMEOUT_SECONDS", "120"},
                                          {"REVISION_RESPONSE_START_TIMEOUT_SECONDS", "60"},
                                          {"REVISION_IDLE_TIMEOUT_SECONDS", "30"},
                                          {"SERVING_NAMESPACE", "art"},
                                          {"SERVING_SERVICE", "sd"},
                                          {"SERVING_CONFIGURATION", "sd"},
                                          {"SERVING_REVISION", "sd-00001"},
                                          {"SERVING_LOGGING_CONFIG", ""},
                                          {"SERVING_LOGGING_LEVEL", ""},
                                      });
    service.full_duplex = true;
    service.knobs.control_limit = 5;
    const auto env = queue_proxy_env(service);
    CHECK(env.at("ENABLE_HTTP_FULL_DUPLEX") == "true");
    CHECK(env.at("SLUICE_CONTROL_LIMIT") == "5");
}

TEST_CASE("pod spec: the container is taken over unexpanded, the probe follows the port",
          "[sluice]") {
    const auto spec = make_pod_spec(example(), "sd-00001-abc");
    CHECK(spec.name == "sd-00001-abc");
    CHECK(spec.image == "i");
    CHECK(spec.command == std::vector<std::string>{"run"});
    CHECK(spec.args == std::vector<std::string>{"--port", "$(PORT)"});
    CHECK(spec.env == std::vector<std::pair<std::string, std::string>>{{"A", "$(PORT)"}});
    CHECK(spec.working_dir == "/w");
    CHECK(spec.container_port == 7860);
    CHECK(spec.gpus == 1);
    CHECK(spec.termination_grace == 45s);
    CHECK(spec.readiness_probe(4711) ==
          R"({"tcpSocket":{"port":4711,"host":"127.0.0.1"},"successThreshold":1})");
    CHECK(readiness_probe_json(example(), 4711) == spec.readiness_probe(4711));
}
