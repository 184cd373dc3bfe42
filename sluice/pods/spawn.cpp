#include "sluice/pods/spawn.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace sluice {
namespace {

// The supervisor is this program again, even if its file has been replaced meanwhile.
constexpr const char* own_executable = "/proc/self/exe";

enum class Found : std::uint8_t { yes, not_executable, no };

Found look_at(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return Found::no;
    if (!S_ISREG(info.st_mode) || ::access(path.c_str(), X_OK) != 0) return Found::not_executable;
    return Found::yes;
}

// Not glibc's: in 2.36 its declaration lacks extern "C".
int pidfd_open(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

std::string errno_text(int error) {
    return ::strerror(error);
}

// Above the numbers that the child's own descriptors take, so that no dup2() overwrites a source.
common::UniqueFd out_of_the_way(common::UniqueFd fd) {
    return common::UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, pod_init_command_fd + 1));
}

common::UniqueFd write_to_memory(const std::string& bytes) {
    common::UniqueFd file(::memfd_create("pod-init-command", MFD_CLOEXEC));
    std::string_view rest = bytes;
    while (file && !rest.empty()) {
        const ssize_t written = ::write(file.get(), rest.data(), rest.size());
        if (written <= 0) return {};
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    if (file) ::lseek(file.get(), 0, SEEK_SET);
    return file ? out_of_the_way(std::move(file)) : common::UniqueFd();
}

class SpawnPlan {
  public:
    SpawnPlan() {
        ::posix_spawn_file_actions_init(&files_);
        ::posix_spawnattr_init(&attributes_);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&files_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    // Asio's sockets are not close-on-exec: everything above the supervisor's own is closed.
    void set_files(int output, int control, int command) {
        ::posix_spawn_file_actions_addopen(&files_, 0, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&files_, output, 1);
        ::posix_spawn_file_actions_adddup2(&files_, output, 2);
        ::posix_spawn_file_actions_adddup2(&files_, control, pod_init_control_fd);
        ::posix_spawn_file_actions_adddup2(&files_, command, pod_init_command_fd);
        ::posix_spawn_file_actions_addclosefrom_np(&files_, pod_init_command_fd + 1);
    }
    void set_signals() {
        sigset_t all;
        sigfillset(&all);
        // Blocked until the supervisor watches them; ignored ones must not stay ignored after exec.
        ::posix_spawnattr_setsigmask(&attributes_, &all);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(
            &attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETSID));
    }
    int run(pid_t& pid, char* const* argv) const {
        return ::posix_spawn(&pid, own_executable, &files_, &attributes_, argv, environ);
    }

  private:
    posix_spawn_file_actions_t files_;
    posix_spawnattr_t attributes_;
};

}  // namespace

ResolvedCommand resolve_command(const std::string& name, const CommandPlaces& places) {
    if (name.empty()) return {{}, "the command is empty"};
    if (name.find('/') != std::string::npos) {
        const bool relative = name.front() != '/' && !places.working_dir.empty();
        const std::string path = relative ? std::string(places.working_dir) + "/" + name : name;
        const Found found = look_at(path);
        if (found == Found::yes) return {path, {}};
        if (found == Found::not_executable) return {{}, "command " + path + " is not executable"};
        return {{}, "command not found: " + path};
    }
    std::string not_executable;
    std::string_view rest = places.path;
    for (bool last = false; !last;) {
        const std::size_t colon = rest.find(':');
        last = colon == std::string_view::npos;
        std::string directory(rest.substr(0, colon));
        if (!last) rest.remove_prefix(colon + 1);
        if (directory.empty()) continue;  // "the current directory" would be ours, not the pod's
        const std::string path = directory + "/" + name;
        const Found found = look_at(path);
        if (found == Found::yes) return {path, {}};
        if (found == Found::not_executable && not_executable.empty()) not_executable = path;
    }
    if (!places.extra.empty()) {
        const std::string path = std::string(places.extra) + "/" + name;
        if (look_at(path) == Found::yes) return {path, {}};
    }
    if (!not_executable.empty()) return {{}, "command " + not_executable + " is not executable"};
    std::string where = "in PATH";
    if (!places.extra.empty()) where += " and " + std::string(places.extra);
    return {{}, "command not found: " + name + " (looked " + where + ")"};
}

SpawnedSupervisor spawn_supervisor(const Command& command, const std::string& label, int output) {
    SpawnedSupervisor spawned;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        spawned.error = "cannot make a socket pair: " + errno_text(errno);
        return spawned;
    }
    common::UniqueFd ours(ends[0]);
    common::UniqueFd theirs = out_of_the_way(common::UniqueFd(ends[1]));
    const common::UniqueFd command_file = write_to_memory(encode(command));
    const common::UniqueFd output_copy(::fcntl(output, F_DUPFD_CLOEXEC, pod_init_command_fd + 1));
    if (!theirs || !command_file || !output_copy) {
        spawned.error = "cannot prepare a process: " + errno_text(errno);
        return spawned;
    }
    SpawnPlan plan;
    plan.set_files(output_copy.get(), theirs.get(), command_file.get());
    plan.set_signals();
    std::string name = "pod-init";
    std::string shown = label;
    const std::array<char*, 3> argv{name.data(), shown.data(), nullptr};
    const int error = plan.run(spawned.pid, argv.data());
    if (error != 0) {
        spawned.error = "cannot start a process: " + errno_text(error);
        return spawned;
    }
    spawned.pidfd.reset(pidfd_open(spawned.pid));
    if (!spawned.pidfd) {
        spawned.error = "cannot watch a process: " + errno_text(errno);
        ::kill(spawned.pid, SIGKILL);
        ::waitpid(spawned.pid, nullptr, 0);
        return spawned;
    }
    ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
    spawned.control = std::move(ours);
    return spawned;
}

}  // namespace sluice
