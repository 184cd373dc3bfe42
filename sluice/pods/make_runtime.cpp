#include "sluice/pods/make_runtime.hpp"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "sluice/pods/docker_client.hpp"
#include "sluice/pods/docker_runtime.hpp"
#include "sluice/pods/gpu_pool.hpp"
#include "sluice/pods/process_runtime.hpp"

namespace sluice {

RuntimeResult make_runtime(ProcessGround ground, LineOutput& output, const RuntimeOptions& options,
                           PodRuntime::Events events) {
    RuntimeResult result;
    GpuList gpus = parse_gpus(options.gpus);
    if (!gpus.error.empty()) {
        result.error = "--gpus " + gpus.error;
        return result;
    }
    const std::string queue_proxy = options.program_directory + "/queue-proxy";
    if (::access(queue_proxy.c_str(), X_OK) != 0) {
        result.error = "queue-proxy is not beside this program (" + queue_proxy + ")";
        return result;
    }
    MachineOptions machine;
    machine.queue_proxy = queue_proxy;
    machine.gpus = std::move(gpus.ids);
    machine.log_directory = options.log_directory;
    // Spread out: programs started one after the other have pids, but must not have ports, side by
    // side (2^32 divided by the golden ratio).
    machine.port_seed = (static_cast<std::uint32_t>(::getpid()) * 2'654'435'769U) >> 8U;
    if (options.kind == "process") {
        result.runtime = make_process_runtime(ground, output, std::move(machine),
                                              options.program_directory, std::move(events));
        return result;
    }
    if (options.kind != "docker") {
        result.error = "--runtime " + options.kind + " is not known; it is process or docker";
        return result;
    }
    const DockerSocket socket = find_docker_socket(std::getenv("DOCKER_HOST"));
    if (!socket.error.empty()) {
        result.error = socket.error;
        return result;
    }
    const DockerOptions docker{socket.path, options.docker_network == "host"};
    DockerRuntimeResult made =
        make_docker_runtime(ground, output, std::move(machine), docker, std::move(events));
    result.runtime = std::move(made.runtime);
    result.error = std::move(made.error);
    return result;
}

}  // namespace sluice
