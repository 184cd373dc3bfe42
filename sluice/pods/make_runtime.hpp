// The pod runtime that --runtime names.
#pragma once

#include <memory>
#include <string>

#include "sluice/pods/line_output.hpp"
#include "sluice/pods/run.hpp"
#include "sluice/pods/runtime.hpp"

namespace sluice {

struct RuntimeOptions {
    std::string kind = "process";   // or "docker"
    std::string gpus;               // see parse_gpus()
    std::string docker_network;     // "host", or empty: published ports; see DockerOptions
    std::string log_directory;      // empty: none
    std::string program_directory;  // where queue-proxy is, and commands that are not in PATH
};

struct RuntimeResult {
    std::unique_ptr<PodRuntime> runtime;
    std::string error;  // not empty: one line, and there is no runtime
};

// `output` outlives the runtime.
RuntimeResult make_runtime(ProcessGround ground, LineOutput& output, const RuntimeOptions& options,
                           PodRuntime::Events events);

}  // namespace sluice
