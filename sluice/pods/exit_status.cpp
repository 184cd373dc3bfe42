#include "sluice/pods/exit_status.hpp"

#include <string.h>
#include <sys/wait.h>

namespace sluice {

ExitStatus ExitStatus::from_wait(int status) {
    if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
    return {WEXITSTATUS(status), 0};
}

std::string describe(ExitStatus status) {
    if (status.signal == 0) return "exit code " + std::to_string(status.code);
    const char* const name = sigabbrev_np(status.signal);
    const std::string number = std::to_string(status.signal);
    if (name == nullptr) return "killed by signal " + number;
    return "killed by SIG" + std::string(name) + " (" + number + ")";
}

}  // namespace sluice
