// The process runtime on small real applications.
#include <signal.h>

#include <iterator>
#include <sstream>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>

#include "tests/integration/pods_runtime/pod_bench.hpp"

using common::PodId;
using pods_test::Kind;
using pods_test::PodBench;
using pods_test::runs;

TEST_CASE("process runtime: a pod starts with its environment and stops", "[pods]") {
    PodBench bench;
    auto spec = bench.spec("demo-00001-aaaaa", {"/bin/sh", "-c", "$(SCRIPT)", "$(NONE)", "$$(X)"});
    spec.env.emplace_back("GREETING", "hello $(K_REVISION)");
    spec.env.emplace_back(
        "SCRIPT",
        "echo \"$GREETING port=$PORT svc=$K_SERVICE conf=$K_CONFIGURATION "
        "host=$HOSTNAME args=$0,$1\"; echo oops >&2; cd /proc/self; exec sleep 1000");
    bench.runtime->start(PodId{1}, spec);
    CHECK(bench.told.empty());  // never from inside the call
    REQUIRE(bench.run_until_told(Kind::started));
    const auto address = bench.first(Kind::started).address;
    CHECK(address.app_port != 0);
    CHECK(address.queue_proxy_port != 0);
    CHECK(address.app_port != address.queue_proxy_port);
    const std::string port = std::to_string(address.app_port);
    REQUIRE(bench.run_until([&] {
        return bench.output().find("oops") != std::string::npos &&
               bench.output().find("USER_PORT") != std::string::npos;
    }));
    CHECK(bench.output().find("[demo-00001-aaaaa] hello demo-00001 port=" + port +
                              " svc=demo conf=demo host=demo-00001-aaaaa args=$(NONE),$(X)\n") !=
          std::string::npos);
    CHECK(bench.output().find("[demo-00001-aaaaa queue-proxy] USER_PORT=" + port +
                              " pod=demo-00001-aaaaa probe=probe:" + port + "\n") !=
          std::string::npos);

    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(Kind::stopped));
    CHECK(bench.kinds() == std::vector<Kind>{Kind::started, Kind::stopped});
    CHECK_FALSE(runs(std::stoi(bench.scratch.read("queue-proxy.pids"))));
    bench.runtime->stop(PodId{1});  // unknown by now: ignored
}

TEST_CASE("process runtime: a crashed application is restarted at once, then after 10 s",
          "[pods]") {
    PodBench bench;
    const auto app = bench.scratch.script("app", "#!/bin/sh\necho run >> $DIR/runs\nexit 3\n");
    bench.runtime->start(PodId{1}, bench.spec("pod", {app}));
    REQUIRE(bench.run_until_told(Kind::app_exited, 2));
    CHECK(bench.kinds() == std::vector<Kind>{Kind::started, Kind::app_exited, Kind::app_restarted,
                                             Kind::app_exited});
    CHECK(bench.told[1].event.reason == "exit code 3");
    CHECK(bench.told[1].event.backoff == common::Duration::zero());
    CHECK(bench.told[3].event.backoff == std::chrono::seconds(10));
    CHECK(bench.scratch.read("runs") == "run\nrun\n");
    bench.runtime->stop(PodId{1});  // while it waits for its next start
    REQUIRE(bench.run_until_told(Kind::stopped));
}

TEST_CASE("process runtime: an application killed by a signal takes its children along", "[pods]") {
    PodBench bench;
    const auto app = bench.scratch.script("app",
                                          "#!/bin/sh\n"
                                          "setsid sleep 100000 & echo $! > $DIR/child\n"
                                          "test -e $DIR/again && exec sleep 100000\n"
                                          "touch $DIR/again; kill -9 $$\n");
    bench.runtime->start(PodId{1}, bench.spec("pod", {app}));
    REQUIRE(bench.run_until_told(Kind::app_exited));
    CHECK(bench.first(Kind::app_exited).reason == "killed by SIGKILL (9)");
    CHECK_FALSE(runs(std::stoi(bench.scratch.read("child"))));
    REQUIRE(bench.run_until_told(Kind::app_restarted));
}

TEST_CASE("process runtime: who ignores SIGTERM is killed after the grace period", "[pods]") {
    PodBench bench;
    const auto app = bench.scratch.script("app",
                                          "#!/bin/sh\ntrap 'echo asked' TERM\n"
                                          "echo $$ > $DIR/pid\nwhile :; do sleep 0.05; done\n");
    auto spec = bench.spec("pod", {app});
    spec.termination_grace = std::chrono::milliseconds(400);
    bench.runtime->start(PodId{1}, spec);
    REQUIRE(bench.run_until([&] { return !bench.scratch.read("pid").empty(); }));
    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(Kind::stopped));
    CHECK(bench.output().find("[pod] asked") != std::string::npos);
    CHECK_FALSE(runs(std::stoi(bench.scratch.read("pid"))));
}

TEST_CASE("process runtime: commands that cannot run fail with their name", "[pods]") {
    PodBench bench;
    SECTION("not found") {
        bench.runtime->start(PodId{1}, bench.spec("pod", {"no-such-command"}));
        REQUIRE(bench.run_until_told(Kind::failed));
        CHECK(bench.told[0].event.reason.find("command not found: no-such-command") == 0);
    }
    SECTION("not executable") {
        bench.runtime->start(PodId{1}, bench.spec("pod", {"/etc/passwd"}));
        REQUIRE(bench.run_until_told(Kind::failed));
        CHECK(bench.told[0].event.reason == "command /etc/passwd is not executable");
    }
    SECTION("no interpreter") {
        const auto app = bench.scratch.script("app", "#!/no/such/interpreter\n");
        bench.runtime->start(PodId{1}, bench.spec("pod", {app}));
        REQUIRE(bench.run_until_told(Kind::failed));
        CHECK(bench.first(Kind::failed).reason.find("cannot run " + app + ": No such file") == 0);
    }
    SECTION("no working directory") {
        auto spec = bench.spec("pod", {"/bin/true"});
        spec.working_dir = "/no/such/directory";
        bench.runtime->start(PodId{1}, spec);
        REQUIRE(bench.run_until_told(Kind::failed));
        CHECK(bench.first(Kind::failed).reason ==
              "cannot enter the working directory /no/such/directory: No such file or directory");
    }
    SECTION("no queue-proxy") {
        std::filesystem::remove(bench.scratch.path("queue-proxy"));
        bench.runtime->start(PodId{1}, bench.spec("pod", {"sleep", "1000"}));
        REQUIRE(bench.run_until_told(Kind::failed));
        CHECK(bench.first(Kind::failed).reason.find("queue-proxy: cannot run ") == 0);
    }
    CHECK(bench.count(Kind::failed) == 1);
    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(Kind::stopped));
    CHECK(bench.told.back().event.kind == Kind::stopped);
}

TEST_CASE("process runtime: a command beside sluice is found after PATH", "[pods]") {
    PodBench bench;
    bench.scratch.script("beside-sluice", "#!/bin/sh\nexec sleep 1000\n");
    bench.runtime->start(PodId{1}, bench.spec("pod", {"beside-sluice"}));
    REQUIRE(bench.run_until_told(Kind::started));
}

TEST_CASE("process runtime: a pod without a free GPU is pending until one is given back",
          "[pods]") {
    PodBench bench("3,5");
    const std::vector<std::string> command{"/bin/sh", "-c",
                                           "echo gpus=$CUDA_VISIBLE_DEVICES; exec sleep 1000"};
    auto spec = bench.spec("pod", command);
    spec.gpus = 2;
    bench.runtime->start(PodId{1}, spec);
    spec.gpus = 1;
    bench.runtime->start(PodId{2}, spec);
    bench.runtime->start(PodId{3}, spec);
    REQUIRE(bench.run_until_told(Kind::started));
    REQUIRE(bench.run_until_told(Kind::pending, 2));
    CHECK(bench.first(Kind::pending).reason == "needs 1 GPU, 0 of 2 are free");
    const auto printed = [&bench](const char* text) {
        return bench.output().find(text) != std::string::npos;
    };
    REQUIRE(bench.run_until([&] { return printed("gpus=3,5\n"); }));
    bench.runtime->stop(PodId{3});  // pending: it just goes
    REQUIRE(bench.run_until_told(Kind::stopped));
    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(Kind::started, 2));
    CHECK(bench.told.back().id == PodId{2});
    REQUIRE(bench.run_until([&] { return printed("gpus=3\n"); }));

    spec.gpus = 3;
    bench.runtime->start(PodId{4}, spec);
    REQUIRE(bench.run_until_told(Kind::failed));
    CHECK(bench.first(Kind::failed).reason == "needs 3 GPUs, but there are only 2 (see --gpus)");
}

TEST_CASE("process runtime: a crashed queue-proxy comes back on the same port", "[pods]") {
    PodBench bench;
    bench.runtime->start(PodId{1}, bench.spec("pod", {"sleep", "1000"}));
    REQUIRE(bench.run_until(
        [&] { return bench.output().find("queue-proxy] USER_PORT=") != std::string::npos; }));
    ::kill(std::stoi(bench.scratch.read("queue-proxy.pids")), SIGKILL);
    REQUIRE(bench.run_until([&] {
        const std::string text = bench.output();
        const std::size_t once = text.find("queue-proxy] USER_PORT=");
        return once != std::string::npos &&
               text.find("queue-proxy] USER_PORT=", once + 1) != std::string::npos;
    }));
    CHECK(bench.output().find("it ended: killed by SIGKILL (9); it is started again at once") !=
          std::string::npos);
    CHECK(bench.count(Kind::app_exited) == 0);
}

namespace {

// Listens on its containerPort whatever PORT says, as A1111's launch.py does; a second one fails.
constexpr const char* stubborn_app =
    "#!/usr/bin/python3\n"
    "import os, socket, time\n"
    "s = socket.socket()\n"
    "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
    "s.bind(('127.0.0.1', int(os.environ['FIXED'])))\n"
    "s.listen()\n"
    "time.sleep(100000)\n";

}  // namespace

TEST_CASE("process runtime: a queue-proxy whose port was taken meanwhile gets another one",
          "[pods]") {
    PodBench bench;
    bench.runtime->start(PodId{1}, bench.spec("pod", {"sleep", "100000"}));
    REQUIRE(bench.run_until_told(Kind::started));
    const auto before = bench.first(Kind::started).address;
    const auto starts = [&bench] {
        std::istringstream text(bench.scratch.read("queue-proxy.pids"));
        return std::vector<int>(std::istream_iterator<int>(text), {});
    };
    REQUIRE(bench.run_until([&] { return starts().size() == 1; }));
    ::kill(starts().back(), SIGKILL);  // with its port free: it comes back where it was
    REQUIRE(bench.run_until([&] { return starts().size() == 2; }));
    CHECK(bench.count(Kind::address_changed) == 0);

    // The stand-in listens nowhere.
    boost::asio::ip::tcp::acceptor thief(
        bench.io, {boost::asio::ip::address_v4::loopback(), before.queue_proxy_port});
    ::kill(starts().back(), SIGKILL);
    REQUIRE(bench.run_until_told(Kind::address_changed));
    const auto& moved = bench.first(Kind::address_changed);
    CHECK(moved.address.queue_proxy_port != before.queue_proxy_port);
    CHECK(moved.address.app_port == before.app_port);
    CHECK(moved.reason ==
          "another program has taken a port of its queue-proxy, which moves from "
          "port " +
              std::to_string(before.queue_proxy_port) + " to " +
              std::to_string(moved.address.queue_proxy_port));
    const std::string line = "QUEUE_SERVING_PORT=" + std::to_string(moved.address.queue_proxy_port);
    REQUIRE(bench.run_until([&] { return bench.output().find(line) != std::string::npos; }));
}

TEST_CASE("process runtime: an application that ignores PORT keeps its port, and only one pod runs",
          "[pods]") {
    PodBench bench;
    sluice::PortPicker picker(15000, 15999, static_cast<std::uint32_t>(::getpid()));
    auto spec = bench.spec("pod", {bench.scratch.script("app", stubborn_app)});
    spec.container_port = picker.take();
    spec.env.emplace_back("FIXED", std::to_string(spec.container_port));
    const std::string message = "demo: the application ignores PORT and listens on " +
                                std::to_string(spec.container_port) +
                                ", so only one pod can run; pass --port $(PORT) in args, or use "
                                "--runtime docker";

    SECTION("found with the first pod") {
        bench.runtime->start(PodId{1}, spec);
        REQUIRE(bench.run_until_told(Kind::address_changed));
        const auto before = bench.first(Kind::started).address;
        const auto after = bench.first(Kind::address_changed).address;
        CHECK(before.app_port != spec.container_port);
        CHECK(after.app_port == spec.container_port);
        CHECK(after.queue_proxy_port == before.queue_proxy_port);
        const std::string line = "USER_PORT=" + std::to_string(spec.container_port);
        REQUIRE(bench.run_until([&] { return bench.output().find(line) != std::string::npos; }));

        bench.runtime->start(PodId{2}, spec);
        REQUIRE(bench.run_until_told(Kind::failed));
        CHECK(bench.first(Kind::failed).reason == message);
        bench.runtime->stop(PodId{2});
        bench.runtime->stop(PodId{1});
        REQUIRE(bench.run_until_told(Kind::stopped, 2));

        // Alone again, and its port is known now.
        bench.runtime->start(PodId{3}, spec);
        REQUIRE(bench.run_until_told(Kind::started, 2));
        CHECK(bench.told.back().event.address.app_port == spec.container_port);
    }
    SECTION("several pods at once from zero: one stays") {
        for (std::uint64_t id = 1; id <= 3; ++id)
            bench.runtime->start(PodId{id}, spec);
        REQUIRE(bench.run_until_told(Kind::failed, 2));
        CHECK(bench.count(Kind::address_changed) == 1);
        CHECK(bench.first(Kind::failed).reason == message);
    }
}
