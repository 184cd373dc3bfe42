// Nothing of a pod outlives sluice, however sluice ends.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/integration/pods_runtime/pod_bench.hpp"

using common::PodId;
using pods_test::PodBench;
using pods_test::runs;

namespace {

// A launcher that escapes as far as a process can: children in sessions of their own, forked twice,
// deaf to SIGTERM and SIGHUP, with all their parents gone.
constexpr const char* escaping_app =
    "#!/bin/sh\n"
    "trap '' TERM HUP\n"
    "echo $$ >> $PIDS\n"
    "sleep 100000 & echo $! >> $PIDS\n"
    "setsid sh -c 'setsid sh -c \"echo \\$\\$ >> $PIDS; exec sleep 100000\" & exit 0' &\n"
    "setsid sh -c 'echo $$ >> $PIDS; sleep 100000 & echo $! >> $PIDS; wait' &\n"
    "while :; do sleep 0.1; done\n";
constexpr std::size_t escaping_processes = 5;

std::vector<int> read_pids(const std::string& text) {
    std::istringstream in(text);
    std::vector<int> pids;
    for (int pid = 0; in >> pid;)
        pids.push_back(pid);
    return pids;
}

bool wait_until(const std::function<bool()>& done) {
    for (int tries = 0; tries < 1000 && !done(); ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return done();
}

bool none_runs(const std::vector<int>& pids) {
    for (const int pid : pids)
        if (runs(pid)) return false;
    return true;
}

// The sluice-like parent: runs a pod until it is killed.
[[noreturn]] void be_sluice(const pods_test::ScratchDirectory& shared) {
    ::setenv("TMPDIR", shared.path("").c_str(), 1);  // its files go with ours
    PodBench bench;
    auto spec = bench.spec("pod", {shared.script("app", escaping_app)});
    spec.env.emplace_back("PIDS", shared.path("pids"));
    bench.runtime->start(PodId{1}, spec);
    bench.run_until([&] { return !bench.scratch.read("queue-proxy.pids").empty(); });
    shared.script("proxy-pids", bench.scratch.read("queue-proxy.pids"));
    for (;;)
        bench.io.run_one();
}

}  // namespace

TEST_CASE("orphans: kill -9 of sluice leaves no process of a pod, not even one that escaped",
          "[pods]") {
    pods_test::ScratchDirectory shared;
    const pid_t parent = ::fork();
    if (parent == 0) be_sluice(shared);
    std::vector<int> pids;
    const bool all_up = wait_until([&] {
        pids = read_pids(shared.read("pids") + shared.read("proxy-pids"));
        return pids.size() == escaping_processes + 1;
    });
    const bool all_run = all_up && std::all_of(pids.begin(), pids.end(), runs);
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
    REQUIRE(all_run);
    CHECK(wait_until([&] { return none_runs(pids); }));
}

TEST_CASE("orphans: kill_all returns when nothing runs any more, and tells nothing", "[pods]") {
    PodBench bench;
    auto spec = bench.spec("pod", {bench.scratch.script("app", escaping_app)});
    spec.env.emplace_back("PIDS", bench.scratch.path("pids"));
    bench.runtime->start(PodId{1}, spec);
    REQUIRE(bench.run_until([&] {
        return read_pids(bench.scratch.read("pids")).size() == escaping_processes &&
               !bench.scratch.read("queue-proxy.pids").empty();
    }));
    auto pids = read_pids(bench.scratch.read("pids") + bench.scratch.read("queue-proxy.pids"));
    bench.told.clear();
    bench.runtime->kill_all();
    CHECK(none_runs(pids));
    bench.io.restart();
    bench.io.poll();
    CHECK(bench.told.empty());
}

TEST_CASE("orphans: stop ends processes that left the group, too", "[pods]") {
    PodBench bench;
    auto spec = bench.spec("pod", {bench.scratch.script("app", escaping_app)});
    spec.env.emplace_back("PIDS", bench.scratch.path("pids"));
    spec.termination_grace = std::chrono::milliseconds(100);
    bench.runtime->start(PodId{1}, spec);
    REQUIRE(bench.run_until(
        [&] { return read_pids(bench.scratch.read("pids")).size() == escaping_processes; }));
    bench.runtime->stop(PodId{1});
    REQUIRE(bench.run_until_told(pods_test::Kind::stopped));
    CHECK(none_runs(read_pids(bench.scratch.read("pids"))));
}

TEST_CASE("orphans: a killed supervisor takes the command with it", "[pods]") {
    PodBench bench;
    auto spec = bench.spec("pod", {"/bin/sh", "-c", "echo $$$$ > $DIR/pid; exec sleep 100000"});
    bench.runtime->start(PodId{1}, spec);
    REQUIRE(bench.run_until([&] { return !bench.scratch.read("pid").empty(); }));
    const int pid = std::stoi(bench.scratch.read("pid"));
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string field;
    int supervisor = 0;
    stat >> field >> field >> field >> supervisor;
    REQUIRE(supervisor > 1);
    ::kill(supervisor, SIGKILL);
    REQUIRE(bench.run_until_told(pods_test::Kind::app_restarted));
    CHECK(wait_until([&] { return !runs(pid); }));
}
