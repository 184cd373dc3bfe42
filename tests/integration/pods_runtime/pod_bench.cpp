#include "tests/integration/pods_runtime/pod_bench.hpp"

#include <fcntl.h>
#include <stdlib.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "common/log/log.hpp"
#include "sluice/pods/gpu_pool.hpp"
#include "sluice/pods/pod_init.hpp"

namespace pods_test {
namespace {

// Catch owns main(); glibc hands a constructor the same arguments before it.
__attribute__((constructor)) void become_pod_init_if_asked(int argc, char** argv, char**) {
    if (sluice::is_pod_init(argc, argv)) sluice::run_pod_init();
}

constexpr std::chrono::seconds patience{20};

}  // namespace

ScratchDirectory::ScratchDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "sluice-pods-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory");
    directory_ = name;
}

ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

std::string ScratchDirectory::script(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    std::filesystem::permissions(path(name), std::filesystem::perms::owner_all);
    return path(name);
}

std::string ScratchDirectory::read(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
}

PodBench::PodBench(std::string its_gpus, std::string its_log_directory)
    : gpus(std::move(its_gpus)), log_directory(std::move(its_log_directory)) {
    // As `sluice up` at a terminal: what pods print stands there as it is.
    common::LogConfig log;
    log.format = common::LogFormat::text;
    common::configure_log(std::move(log));
    scratch.script("queue-proxy",
                   "#!/bin/sh\n"
                   "echo $$ >> " +
                       scratch.path("queue-proxy.pids") +
                       "\n"
                       "echo USER_PORT=$USER_PORT pod=$SERVING_POD probe=$SERVING_READINESS_PROBE\n"
                       "echo QUEUE_SERVING_PORT=$QUEUE_SERVING_PORT\n"
                       "exec sleep 100000\n");
    output_file.reset(
        ::open(scratch.path("output").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    lines = std::make_unique<sluice::LineOutput>(io.get_executor(), output_file.get());
    runtime = sluice::make_process_runtime(ground(), *lines, machine_options(), scratch.path(""),
                                           on_event());
}

sluice::MachineOptions PodBench::machine_options() const {
    sluice::MachineOptions options;
    options.queue_proxy = scratch.path("queue-proxy");
    options.gpus = sluice::parse_gpus(gpus).ids;
    options.log_directory = log_directory;
    options.port_seed = static_cast<std::uint32_t>(::getpid());
    return options;
}

sluice::PodRuntime::Events PodBench::on_event() {
    return [this](common::PodId id, const sluice::PodEvent& event) { told.push_back({id, event}); };
}

sluice::PodSpec PodBench::spec(const std::string& name, std::vector<std::string> command) const {
    sluice::PodSpec result;
    result.name = name;
    result.command = std::move(command);
    result.env = {{"DIR", scratch.path("")}};
    result.queue_proxy_env = {{"SERVING_SERVICE", "demo"},
                              {"SERVING_REVISION", "demo-00001"},
                              {"SERVING_CONFIGURATION", "demo"}};
    result.readiness_probe = [](std::uint16_t port) { return "probe:" + std::to_string(port); };
    result.termination_grace = std::chrono::seconds(20);
    return result;
}

bool PodBench::run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        io.restart();
        io.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
}

bool PodBench::run_until_told(Kind kind, std::size_t times) {
    return run_until([&] { return count(kind) >= times; });
}

std::size_t PodBench::count(Kind kind) const {
    std::size_t found = 0;
    for (const Told& each : told)
        found += each.event.kind == kind ? 1 : 0;
    return found;
}

const sluice::PodEvent& PodBench::first(Kind kind) const {
    for (const Told& each : told)
        if (each.event.kind == kind) return each.event;
    throw std::logic_error("no such event");
}

std::vector<Kind> PodBench::kinds() const {
    std::vector<Kind> result;
    for (const Told& each : told)
        result.push_back(each.event.kind);
    return result;
}

bool runs(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text, '\0');
    const std::size_t name_end = text.rfind(") ");
    return name_end != std::string::npos && text[name_end + 2] != 'Z';
}

}  // namespace pods_test
