// How a process ended, and the words for it.
#pragma once

#include <string>

namespace sluice {

struct ExitStatus {
    int code = 0;    // meaningful when signal == 0
    int signal = 0;  // 0: it ended by itself

    // From waitpid()'s status word. REQUIRES: the process has ended.
    static ExitStatus from_wait(int status);
};

// "exit code 3", "killed by SIGKILL (9)".
std::string describe(ExitStatus status);

}  // namespace sluice
