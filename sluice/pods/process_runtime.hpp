// Pods as processes of this machine (--runtime process).
#pragma once

#include <memory>
#include <string>

#include "sluice/pods/machine_runtime.hpp"

namespace sluice {

// A container's command is run as it is; `program_directory` is where it is looked for after PATH.
// The program's main() must do what pod_init.hpp says. `ground` and `output` outlive the runtime.
std::unique_ptr<PodRuntime> make_process_runtime(ProcessGround ground, LineOutput& output,
                                                 MachineOptions options,
                                                 const std::string& program_directory,
                                                 PodRuntime::Events events);

}  // namespace sluice
