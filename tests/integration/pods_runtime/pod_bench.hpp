// A process runtime with an event loop, a scratch directory, a stand-in for the queue-proxy, and
// everything that it told: for tests that run real processes.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "common/time/system_time.hpp"
#include "sluice/pods/process_runtime.hpp"

namespace pods_test {

using Kind = sluice::PodEvent::Kind;

// Removed with everything in it at the end.
class ScratchDirectory {
  public:
    ScratchDirectory();
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;

    std::string path(const std::string& name) const { return directory_ / name; }
    // Writes an executable file; returns its path.
    std::string script(const std::string& name, const std::string& text) const;
    // The file's text; empty while it is not there.
    std::string read(const std::string& name) const;

  private:
    std::filesystem::path directory_;
};

struct Told {
    common::PodId id;
    sluice::PodEvent event;
};

class PodBench {
  public:
    explicit PodBench(std::string gpus = "none", std::string log_directory = "");

    // What a runtime is made with.
    sluice::ProcessGround ground() { return {io.get_executor(), time}; }
    sluice::MachineOptions machine_options() const;
    sluice::PodRuntime::Events on_event();

    // A spec that runs `command` with the stand-in queue-proxy.
    sluice::PodSpec spec(const std::string& name, std::vector<std::string> command) const;
    // Runs the event loop until `done` holds; false after 20 s.
    bool run_until(const std::function<bool()>& done);
    bool run_until_told(Kind kind, std::size_t times = 1);
    // Events of one kind so far.
    std::size_t count(Kind kind) const;
    // The first event of that kind. REQUIRES: there is one.
    const sluice::PodEvent& first(Kind kind) const;
    std::vector<Kind> kinds() const;
    // Everything that went to sluice's output.
    std::string output() const { return scratch.read("output"); }

    ScratchDirectory scratch;
    std::string gpus;
    std::string log_directory;
    std::vector<Told> told;
    boost::asio::io_context io{1};
    common::SystemTime time{io.get_executor()};
    common::UniqueFd output_file;
    std::unique_ptr<sluice::LineOutput> lines;
    std::unique_ptr<sluice::PodRuntime> runtime;
};

// Whether a process of that number runs (a zombie does not).
bool runs(int pid);

}  // namespace pods_test
