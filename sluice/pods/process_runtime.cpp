#include "sluice/pods/process_runtime.hpp"

#include <utility>

#include "sluice/pods/command_run.hpp"
#include "sluice/pods/spawn.hpp"

namespace sluice {
namespace {

AppPlan plan_process(ProcessGround ground, const std::string& program_directory,
                     const AppRequest& request) {
    const PodSpec& spec = request.spec;
    if (spec.command.empty())
        return {{},
                "the container has no command, and as a process it has no image to take one from "
                "(use --runtime docker)"};
    CommandRun::Plan plan;
    plan.command = app_command(spec, request.app_port, request.gpus);
    const std::string path = env_value(plan.command.env, "PATH");
    const ResolvedCommand resolved =
        resolve_command(plan.command.argv[0], {path, program_directory, spec.working_dir});
    if (!resolved.error.empty()) return {{}, resolved.error};
    plan.command.path = resolved.path;
    plan.label = spec.name;
    plan.own_port = request.app_port;
    plan.fixed_port = spec.container_port;
    return {[ground, &log = request.log, plan] {
                return std::make_unique<CommandRun>(ground.executor, log, plan);
            },
            {}};
}

}  // namespace

std::unique_ptr<PodRuntime> make_process_runtime(ProcessGround ground, LineOutput& output,
                                                 MachineOptions options,
                                                 const std::string& program_directory,
                                                 PodRuntime::Events events) {
    options.queue_proxy_waits = false;
    const PlanApp plan = [ground, program_directory](const AppRequest& request) {
        return plan_process(ground, program_directory, request);
    };
    return std::make_unique<MachineRuntime>(ground, output, std::move(options), plan,
                                            std::move(events));
}

}  // namespace sluice
