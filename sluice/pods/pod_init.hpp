// The supervisor of one command of a pod: a small process between `sluice` and the command, made by
// running the program's own executable again under the name "pod-init". It exists so that nothing
// of a pod outlives sluice, however sluice ends:
//
//  * It is the subreaper (PR_SET_CHILD_SUBREAPER) of everything that the command starts, so that a
//    process that called setsid() and forked twice still is its descendant, and it kills
//    descendants until none is left: when the command ends (as a container would), when it is told
//    to, and when sluice is gone.
//  * That sluice is gone it sees by the end of the control socket, whose other end only sluice
//    holds (close-on-exec), and, second, by PR_SET_PDEATHSIG.
//  * If someone kills the supervisor, the command dies with it (PR_SET_PDEATHSIG in the command).
//
// It leads its own session, so that the terminal's Ctrl-C reaches only sluice; the command leads a
// process group of its own. It ignores all signals but SIGKILL. It needs no privileges, cgroups or
// namespaces.
//
// Control protocol: datagrams on fd 3. From sluice: one byte, a PodInitOrder. To sluice: a
// PodInitReport; the last one is `exited` or `failed`, and nothing of the command runs any more
// when it is sent (but for processes that survive SIGKILL for 10 s, which `left` counts).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

constexpr int pod_init_control_fd = 3;
constexpr int pod_init_command_fd = 4;  // a file with what encode() made

enum class PodInitOrder : char {
    terminate = 'T',  // SIGTERM to the command's process group
    kill = 'K'        // SIGKILL to everything
};

struct PodInitReport {
    enum class Kind : std::uint8_t { started, failed, exited };
    Kind kind = Kind::started;
    bool in_chdir = false;    // failed: entering the working directory, not exec
    std::int32_t error = 0;   // failed: errno
    std::int32_t pid = 0;     // started: the command, leader of its process group
    std::int32_t code = 0;    // exited: ExitStatus
    std::int32_t signal = 0;  // exited: ExitStatus
    std::int32_t left = 0;    // failed, exited: processes that could not be killed
};

// What a supervisor runs.
struct Command {
    std::string path;               // the program, as resolve_command() found it
    std::vector<std::string> argv;  // argv[0] included
    std::vector<std::string> env;   // NAME=value; nothing else is inherited
    std::string working_dir;        // empty: sluice's own
};

std::string encode(const Command& command);
// Returns false when `bytes` is not what encode() makes.
bool decode(const std::string& bytes, Command& command);

// Whether this process was started to be a supervisor. A program that uses ProcessRuntime asks
// first thing in main(), and if so calls run_pod_init().
bool is_pod_init(int argc, char** argv);
[[noreturn]] void run_pod_init();

}  // namespace sluice
