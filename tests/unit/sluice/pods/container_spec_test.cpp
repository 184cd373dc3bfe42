#include "sluice/pods/container_spec.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sluice/pods/docker_client.hpp"

using Json = nlohmann::json;

namespace {

sluice::ContainerPlan demo() {
    sluice::ContainerPlan plan;
    plan.spec.name = "demo-00001-abcde";
    plan.spec.image = "registry/sd:1";
    plan.spec.container_port = 7860;
    plan.spec.args = {"--port", "$(PORT)"};
    plan.spec.env = {{"MODEL", "v$(K_REVISION)"}};
    plan.spec.queue_proxy_env = {{"SERVING_REVISION", "demo-00001"}};
    plan.host_port = 20001;
    plan.owner = "1-2-3";
    return plan;
}

}  // namespace

TEST_CASE("container: the containerPort is published on the pod's own loopback port",
          "[sluice][pods]") {
    const Json body = Json::parse(sluice::container_json(demo()));
    CHECK(body["Image"] == "registry/sd:1");
    CHECK(body["Hostname"] == "demo-00001-abcde");
    CHECK(body["Cmd"] == Json({"--port", "7860"}));
    CHECK_FALSE(body.contains("Entrypoint"));  // the image's
    CHECK_FALSE(body.contains("WorkingDir"));
    CHECK(body["Env"][0] == "MODEL=vdemo-00001");
    CHECK(body["Env"][1] == "PORT=7860");
    CHECK(body["Env"].size() == 6);  // nothing is inherited
    CHECK(body["ExposedPorts"] == Json::parse(R"({"7860/tcp": {}})"));
    CHECK(body["HostConfig"]["PortBindings"] ==
          Json::parse(R"({"7860/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20001"}]})"));
    CHECK_FALSE(body["HostConfig"].contains("DeviceRequests"));
    CHECK(body["Labels"] ==
          Json::parse(R"({"sluice.dev/owner": "1-2-3", "sluice.dev/pod": "demo-00001-abcde"})"));
}

TEST_CASE("container: command is the entrypoint, GPUs are device requests", "[sluice][pods]") {
    auto plan = demo();
    plan.spec.command = {"python3", "launch.py"};
    plan.spec.working_dir = "/app";
    plan.gpus = {"2", "GPU-x"};
    const Json body = Json::parse(sluice::container_json(plan));
    CHECK(body["Entrypoint"] == Json({"python3", "launch.py"}));
    CHECK(body["WorkingDir"] == "/app");
    CHECK(body["HostConfig"]["DeviceRequests"] ==
          Json::parse(R"([{"Driver": "nvidia", "DeviceIDs": ["2", "GPU-x"],
                           "Capabilities": [["gpu"]]}])"));
    CHECK(body["Env"].dump().find("CUDA_VISIBLE_DEVICES") == std::string::npos);
}

TEST_CASE("container: on the host's network PORT is the pod's own", "[sluice][pods]") {
    auto plan = demo();
    plan.host_network = true;
    const Json body = Json::parse(sluice::container_json(plan));
    CHECK(body["Cmd"] == Json({"--port", "20001"}));
    CHECK(body["HostConfig"]["NetworkMode"] == "host");
    CHECK_FALSE(body["HostConfig"].contains("PortBindings"));
}

TEST_CASE("container: bytes that are not UTF-8 do not break the request", "[sluice][pods]") {
    auto plan = demo();
    plan.spec.env = {{"X", "\xff"}};
    CHECK(Json::parse(sluice::container_json(plan))["Env"][0] == "X=\xef\xbf\xbd");
}

TEST_CASE("container owner: lives as long as its process, and is unknown elsewhere",
          "[sluice][pods]") {
    const std::string own = sluice::own_owner();
    CHECK(sluice::owner_lives(own));
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    std::string dead = own;
    dead.replace(0, dead.find('-'), std::to_string(child));
    CHECK_FALSE(sluice::owner_lives(dead));
    const std::string other_start =
        own.substr(0, own.find('-')) + "-1" + own.substr(own.rfind('-'));
    CHECK_FALSE(sluice::owner_lives(other_start));
    CHECK(sluice::owner_lives(dead + "9"));  // another pid namespace: not ours to judge
    CHECK(sluice::owner_lives("someone else"));
}

TEST_CASE("image names: split for a pull", "[sluice][pods]") {
    struct Case {
        const char* image;
        const char* name;
        const char* tag;
    };
    for (const Case& each : {Case{"sd", "sd", "latest"}, Case{"a/b:1", "a/b", "1"},
                             Case{"localhost:5000/a", "localhost:5000/a", "latest"},
                             Case{"localhost:5000/a:2", "localhost:5000/a", "2"},
                             Case{"a@sha256:11", "a@sha256:11", ""}}) {
        const auto split = sluice::split_image(each.image);
        CHECK(split.name == each.name);
        CHECK(split.tag == each.tag);
    }
}

TEST_CASE("container log: frames come apart however the bytes arrive", "[sluice][pods]") {
    using namespace std::string_literals;
    const std::string stream = "\1\0\0\0\0\0\0\3abc"s + "\2\0\0\0\0\0\0\0"s + "\2\0\0\0\0\0\1\0"s +
                               std::string(256, 'x') + "\1\0\0\0\0\0\0\1z"s;
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{3}, std::size_t{9}, stream.size()}) {
        sluice::LogFrames frames;
        std::string text;
        for (std::size_t at = 0; at < stream.size(); at += piece)
            frames.feed(std::string_view(stream).substr(at, piece),
                        [&text](std::string_view bytes) { text.append(bytes); });
        CHECK(text == "abc" + std::string(256, 'x') + "z");
    }
}

TEST_CASE("docker socket: the default, DOCKER_HOST, and hosts that cannot work", "[sluice][pods]") {
    CHECK(sluice::find_docker_socket(nullptr).path == "/var/run/docker.sock");
    CHECK(sluice::find_docker_socket("").path == "/var/run/docker.sock");
    CHECK(sluice::find_docker_socket("unix:///x/y").path == "/x/y");
    CHECK(sluice::find_docker_socket("tcp://h:1").error.find("DOCKER_HOST=tcp://h:1") == 0);
    CHECK(sluice::find_docker_socket("unix://").error.find("DOCKER_HOST=unix://:") == 0);
    CHECK(sluice::docker_call_and_wait("/no/such/socket", {"GET", "/_ping", {}}, 1).reason() ==
          "cannot reach the Docker Engine at /no/such/socket: No such file or directory");
}

TEST_CASE("docker: queries are percent-encoded", "[sluice][pods]") {
    CHECK(sluice::percent_encode("a/b:1 {\"x\"}") == "a%2Fb%3A1%20%7B%22x%22%7D");
}
