// Finds a command as a shell would, and starts it under a supervisor (pod_init.hpp).
//
// Errors of exec are told by the supervisor as errno, never guessed from an exit code.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "common/net/unique_fd.hpp"
#include "sluice/pods/pod_init.hpp"

namespace sluice {

struct CommandPlaces {
    std::string_view path;         // the value of PATH
    std::string_view extra;        // one more directory, after PATH; may be empty
    std::string_view working_dir;  // what a relative path with a '/' is relative to; may be empty
};

struct ResolvedCommand {
    std::string path;
    std::string error;  // not empty: one line that names the command
};

// `name` with a '/' is a path; else it is looked for in `places`.
ResolvedCommand resolve_command(const std::string& name, const CommandPlaces& places);

struct SpawnedSupervisor {
    pid_t pid = 0;
    common::UniqueFd pidfd;
    common::UniqueFd control;  // our end of the control socket; close-on-exec, non-blocking
    std::string error;         // not empty: nothing was started
};

// Starts a supervisor that runs `command`. `label` is shown by ps ("pod-init <label>"); the
// command's stdout and stderr are `output`, its stdin is /dev/null.
SpawnedSupervisor spawn_supervisor(const Command& command, const std::string& label, int output);

}  // namespace sluice
