#include "sluice/pods/pod_commands.hpp"

#include <stdlib.h>

#include <catch2/catch.hpp>

using sluice::EnvEntries;

namespace {

sluice::PodSpec demo() {
    sluice::PodSpec spec;
    spec.name = "demo-00001-abcde";
    spec.command = {"python3", "launch.py"};
    spec.queue_proxy_env = {{"SERVING_SERVICE", "demo"},
                            {"SERVING_REVISION", "demo-00001"},
                            {"SERVING_CONFIGURATION", "demo"},
                            {"CONTAINER_CONCURRENCY", "1"}};
    spec.readiness_probe = [](std::uint16_t port) { return "tcp " + std::to_string(port); };
    return spec;
}

}  // namespace

TEST_CASE("pod commands: the file's env expands from itself and from what Knative sets",
          "[sluice][pods]") {
    auto spec = demo();
    spec.env = {{"A", "1"}, {"B", "$(A)/$(PORT)/$(LATER)"}, {"LATER", "x"}, {"PORT", "1"}};
    spec.args = {"--port=$(PORT)", "$(B)", "$(HOME)", "$$(A)"};
    ::setenv("A", "inherited", 1);
    const auto command = sluice::app_command(spec, 20001, {});
    CHECK(command.argv == std::vector<std::string>{"python3", "launch.py", "--port=20001",
                                                   "1/20001/$(LATER)", "$(HOME)", "$(A)"});
    CHECK(sluice::env_value(command.env, "A") == "1");
    CHECK(sluice::env_value(command.env, "PORT") == "20001");
    CHECK(sluice::env_value(command.env, "K_SERVICE") == "demo");
    CHECK(sluice::env_value(command.env, "K_REVISION") == "demo-00001");
    CHECK(sluice::env_value(command.env, "K_CONFIGURATION") == "demo");
    CHECK(sluice::env_value(command.env, "HOSTNAME") == "demo-00001-abcde");
    CHECK(sluice::env_value(command.env, "PATH") == ::getenv("PATH"));
    ::unsetenv("A");
}

TEST_CASE("pod commands: GPUs replace an inherited CUDA_VISIBLE_DEVICES only when taken",
          "[sluice][pods]") {
    ::setenv("CUDA_VISIBLE_DEVICES", "7", 1);
    const auto with = sluice::app_command(demo(), 20001, {"0", "GPU-1"});
    const auto without = sluice::app_command(demo(), 20001, {});
    ::unsetenv("CUDA_VISIBLE_DEVICES");
    CHECK(sluice::env_value(with.env, "CUDA_VISIBLE_DEVICES") == "0,GPU-1");
    CHECK(sluice::env_value(without.env, "CUDA_VISIBLE_DEVICES") == "7");
}

TEST_CASE("pod commands: the queue-proxy gets the contract's variables and ports of its own",
          "[sluice][pods]") {
    auto spec = demo();
    spec.queue_proxy_env["SLUICE_METRICS_PORT"] = "20009";
    const auto command = sluice::queue_proxy_command(spec, "/bin/qp", {20002, 20003, 20004}, 20001);
    CHECK(command.argv == std::vector<std::string>{"/bin/qp"});
    const EnvEntries expected{
        {"CONTAINER_CONCURRENCY", "1"},           {"QUEUE_SERVING_PORT", "20002"},
        {"QUEUE_SERVING_TLS_PORT", "20003"},      {"USER_PORT", "20001"},
        {"SERVING_READINESS_PROBE", "tcp 20001"}, {"SERVING_POD", "demo-00001-abcde"},
        {"SERVING_POD_IP", "127.0.0.1"},          {"SLUICE_BIND_ADDRESS", "127.0.0.1"},
        {"SLUICE_ADMIN_PORT", "20004"},           {"SLUICE_STATS_PORT", "0"},
        {"SLUICE_METRICS_PORT", "20009"}};
    for (const auto& [name, value] : expected)
        CHECK(name + "=" + sluice::env_value(command.env, name) == name + "=" + value);
}
