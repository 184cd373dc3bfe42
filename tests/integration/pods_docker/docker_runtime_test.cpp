// The docker runtime against a real engine.
#include "sluice/pods/docker_runtime.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

#include "sluice/pods/process_tree.hpp"
#include "tests/integration/pods_docker/docker_engine.hpp"
#include "tests/integration/pods_runtime/pod_bench.hpp"

using common::PodId;
using pods_test::container_names;
using pods_test::docker_engine;
using pods_test::Kind;
using pods_test::PodBench;

namespace {

void use_docker(PodBench& bench, bool host_network = false) {
    sluice::DockerOptions docker;
    docker.socket = docker_engine();
    docker.host_network = host_network;
    auto made = sluice::make_docker_runtime(bench.ground(), *bench.lines, bench.machine_options(),
                                            docker, bench.on_event());
    REQUIRE(made.error.empty());
    bench.runtime = std::move(made.runtime);
}

sluice::PodSpec tiny(const PodBench& bench) {
    auto spec = bench.spec("demo-00001-aaaaa", {"/server"});
    spec.image = "tiny:1";
    spec.args = {"$(GREETING)-$(PORT)"};
    spec.env = {{"GREETING", "hello"}, {"POLITE", "1"}};
    spec.container_port = 7860;
    return spec;
}

bool printed(const PodBench& bench, const std::string& text) {
    return bench.output().find(text) != std::string::npos;
}

template <class Done>
bool wait_until(Done done) {
    for (int tries = 0; tries < 1500 && !done(); ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return done();
}

}  // namespace

TEST_CASE("docker: a container serves on the pod's port, and the queue-proxy waits for it",
          "[pods][docker]") {
    PodBench bench;
    use_docker(bench);
    auto spec = tiny(bench);
    spec.env.emplace_back("START_MS", "500");
    bench.runtime->start(PodId{1}, spec);
    REQUIRE(bench.run_until_told(Kind::started));
    const auto address = bench.first(Kind::started).address;
    CHECK_FALSE(printed(bench, "queue-proxy]"));
    REQUIRE(bench.run_until([&] { return printed(bench, "queue-proxy]"); }));
    // Its log says the order, too: the engine's port forwarder would have accepted much earlier.
    CHECK(pods_test::http_get(address.app_port, "/").find("\r\n\r\nhello") != std::string::npos);
    REQUIRE(bench.run_until([&] { return printed(bench, "listening"); }));
    CHECK(printed(bench, "[demo-00001-aaaaa] port=7860 revision=demo-00001 args=hello-7860\n"));
    CHECK(printed(bench, "[demo-00001-aaaaa] complaint\n"));
    CHECK(printed(bench, "USER_PORT=" + std::to_string(address.app_port)));

    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(Kind::stopped));
    CHECK(printed(bench, "[demo-00001-aaaaa] bye\n"));
    CHECK(bench.kinds() == std::vector<Kind>{Kind::started, Kind::stopped});
    CHECK(container_names().empty());
}

TEST_CASE("docker: a crashed container is replaced, and so is the queue-proxy", "[pods][docker]") {
    PodBench bench;
    use_docker(bench);
    bench.runtime->start(PodId{1}, tiny(bench));
    REQUIRE(bench.run_until([&] { return printed(bench, "queue-proxy]"); }));
    const std::uint16_t port = bench.first(Kind::started).address.app_port;
    pods_test::http_get(port, "/crash");
    REQUIRE(bench.run_until_told(Kind::app_restarted));
    CHECK(bench.first(Kind::app_exited).reason == "exit code 3");
    CHECK(bench.first(Kind::app_exited).backoff == common::Duration::zero());
    const auto first = bench.output().find("queue-proxy]");
    REQUIRE(bench.run_until(
        [&] { return bench.output().find("queue-proxy]", first + 1) != std::string::npos; }));
    CHECK(pods_test::http_get(port, "/").find("hello") != std::string::npos);
    CHECK(container_names().size() == 1);
    bench.runtime->kill_all();
    CHECK(container_names().empty());
}

TEST_CASE("docker: who ignores SIGTERM is killed after the grace period", "[pods][docker]") {
    PodBench bench;
    use_docker(bench);
    auto spec = tiny(bench);
    spec.env = {{"GREETING", "deaf"}};
    spec.termination_grace = std::chrono::milliseconds(300);
    bench.runtime->start(PodId{1}, spec);
    REQUIRE(bench.run_until([&] { return printed(bench, "listening"); }));
    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(Kind::stopped));
    CHECK(container_names().empty());
}

TEST_CASE("docker: a pod stopped while its container is in the making is gone", "[pods][docker]") {
    PodBench bench;
    use_docker(bench);
    bench.runtime->start(PodId{1}, tiny(bench));
    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(Kind::stopped));
    CHECK(container_names().empty());
}

TEST_CASE("docker: an image that is missing, or a command that it lacks, fails with its name",
          "[pods][docker]") {
    PodBench bench;
    use_docker(bench);
    auto spec = tiny(bench);
    SECTION("image") {
        spec.image = "127.0.0.1:9/no-such-image:7";
        bench.runtime->start(PodId{1}, spec);
        REQUIRE(bench.run_until_told(Kind::failed));
        const std::string reason = bench.first(Kind::failed).reason;
        CHECK(reason.find("the image 127.0.0.1:9/no-such-image:7 is not on this machine and "
                          "cannot be pulled (") == 0);
        CHECK(reason.find("try docker pull 127.0.0.1:9/no-such-image:7") != std::string::npos);
    }
    SECTION("command") {
        spec.command = {"no-such-command"};
        bench.runtime->start(PodId{1}, spec);
        REQUIRE(bench.run_until_told(Kind::failed));
        const std::string reason = bench.first(Kind::failed).reason;
        CHECK(reason.find("cannot start a container: ") == 0);
        CHECK(reason.find("no-such-command") != std::string::npos);
    }
    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(Kind::stopped));
    CHECK(container_names().empty());
}

TEST_CASE("docker: on the machine's network PORT is the pod's own", "[pods][docker]") {
    PodBench bench;
    use_docker(bench, true);
    bench.runtime->start(PodId{1}, tiny(bench));
    REQUIRE(bench.run_until_told(Kind::started));
    const std::uint16_t port = bench.first(Kind::started).address.app_port;
    REQUIRE(bench.run_until([&] { return printed(bench, "listening"); }));
    CHECK(printed(bench, "args=hello-" + std::to_string(port)));
    CHECK(pods_test::http_get(port, "/").find("hello") != std::string::npos);
}

TEST_CASE("docker: no engine is a clear error", "[pods][docker]") {
    PodBench bench;
    sluice::DockerOptions docker;
    docker.socket = bench.scratch.path("no-socket");
    const auto made = sluice::make_docker_runtime(
        bench.ground(), *bench.lines, bench.machine_options(), docker, bench.on_event());
    CHECK(made.runtime == nullptr);
    CHECK(made.error == "--runtime docker: cannot reach the Docker Engine at " + docker.socket +
                            ": No such file or directory");
}

namespace {

// A process like sluice that runs a container until it is killed; its files are in `shared`.
pid_t start_sluice(const pods_test::ScratchDirectory& shared) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::setenv("TMPDIR", shared.path("").c_str(), 1);
    PodBench bench;
    use_docker(bench);
    bench.runtime->start(PodId{1}, tiny(bench));
    for (;;)
        bench.io.run_one();
}

}  // namespace

TEST_CASE("docker: kill -9 of sluice leaves no container", "[pods][docker]") {
    docker_engine();
    const pods_test::ScratchDirectory shared;
    const pid_t sluice = start_sluice(shared);
    const bool up = wait_until([] { return container_names().size() == 1; });
    ::kill(sluice, SIGKILL);
    ::waitpid(sluice, nullptr, 0);
    REQUIRE(up);
    CHECK(wait_until([] { return container_names().empty(); }));
}

TEST_CASE("docker: if the guard was killed too, the next start removes what is left",
          "[pods][docker]") {
    docker_engine();
    const pods_test::ScratchDirectory shared;
    const pid_t dead = start_sluice(shared);
    const bool up = wait_until([] { return container_names().size() == 1; });
    for (const pid_t pid : sluice::descendants(dead))
        ::kill(pid, SIGKILL);
    ::kill(dead, SIGKILL);
    ::waitpid(dead, nullptr, 0);
    REQUIRE(up);
    REQUIRE(container_names().size() == 1);
    PodBench bench;
    use_docker(bench);
    CHECK(container_names().empty());
}
