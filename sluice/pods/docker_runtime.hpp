// Pods as containers of a Docker Engine (--runtime docker): the application is the service's image,
// its containerPort published on a loopback port of the pod's own; the queue-proxy is a process of
// this machine, as in the process runtime.
#pragma once

#include <memory>
#include <string>

#include "sluice/pods/machine_runtime.hpp"

namespace sluice {

struct DockerOptions {
    std::string socket;  // find_docker_socket()
    // Containers share the machine's network, PORT is a port of the pod's own, and an application
    // that ignores PORT can run once only: for engines that cannot publish ports.
    bool host_network = false;
};

struct DockerRuntimeResult {
    std::unique_ptr<PodRuntime> runtime;
    std::string error;  // not empty: one line, and there is no runtime
};

// Blocks until the engine has answered and containers of dead owners are removed. `ground` and
// `output` outlive the runtime. The program's main() must do what pod_init.hpp says.
DockerRuntimeResult make_docker_runtime(ProcessGround ground, LineOutput& output,
                                        MachineOptions machine, const DockerOptions& docker,
                                        PodRuntime::Events events);

}  // namespace sluice
