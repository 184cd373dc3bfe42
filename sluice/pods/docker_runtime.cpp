#include "sluice/pods/docker_runtime.hpp"

#include <utility>

#include "sluice/pods/container_run.hpp"
#include "sluice/pods/docker_guard.hpp"

namespace sluice {
namespace {

constexpr int ping_seconds = 5;

class DockerRuntime final : public PodRuntime {
  public:
    DockerRuntime(ProcessGround ground, LineOutput& output, MachineOptions machine,
                  const DockerOptions& docker, Events events)
        : ground_(ground),
          client_(ground.executor, docker.socket),
          host_network_(docker.host_network),
          owner_(own_owner()),
          guard_(docker.socket, owner_),
          machine_(
              ground, output, std::move(machine),
              [this](const AppRequest& request) { return plan(request); }, std::move(events)) {}

    void start(common::PodId id, const PodSpec& spec) override { machine_.start(id, spec); }
    void stop(common::PodId id) override { machine_.stop(id); }
    std::string last_line(common::PodId id) const override { return machine_.last_line(id); }
    void kill_all() override {
        machine_.kill_all();
        // What was in the making when its call was given up.
        remove_containers_of(client_.socket(), owner_);
    }
    const std::string& error() const { return guard_.error(); }

  private:
    AppPlan plan(const AppRequest& request);

    ProcessGround ground_;
    DockerClient client_;
    bool host_network_;
    std::string owner_;
    DockerGuard guard_;
    MachineRuntime machine_;  // destroyed first: it kills, then the guard looks once more
};

AppPlan DockerRuntime::plan(const AppRequest& request) {
    if (request.spec.image.empty()) return {{}, "the container has no image"};
    ContainerPlan container;
    container.spec = request.spec;
    container.host_port = request.app_port;
    container.gpus = request.gpus;
    container.owner = owner_;
    container.host_network = host_network_;
    return {[this, &log = request.log, container, runs = 0]() mutable {
                // A name of its own for each run: the engine may still be at the last one's
                // removal.
                const std::string name =
                    "sluice-" + container.spec.name + "-" + owner_ + "-" + std::to_string(++runs);
                return std::make_unique<ContainerRun>(ground_.time, client_, log, container, name);
            },
            {}};
}

}  // namespace

DockerRuntimeResult make_docker_runtime(ProcessGround ground, LineOutput& output,
                                        MachineOptions machine, const DockerOptions& docker,
                                        PodRuntime::Events events) {
    const DockerReply ping =
        docker_call_and_wait(docker.socket, {"GET", "/_ping", {}}, ping_seconds);
    if (!ping.good()) return {nullptr, "--runtime docker: " + ping.reason()};
    const std::string left_over = sweep_containers(docker.socket);
    if (!left_over.empty()) output.write_event("left_over_containers", left_over);
    machine.queue_proxy_waits = !docker.host_network;
    auto runtime = std::make_unique<DockerRuntime>(ground, output, std::move(machine), docker,
                                                   std::move(events));
    if (!runtime->error().empty())
        return {nullptr, "--runtime docker: cannot start its guard: " + runtime->error()};
    return {std::move(runtime), {}};
}

}  // namespace sluice
