#include "sluice/pods/pod_init.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

#include "common/net/unique_fd.hpp"
#include "sluice/pods/docker_guard.hpp"
#include "sluice/pods/exit_status.hpp"
#include "sluice/pods/process_tree.hpp"

namespace sluice {
namespace {

// Processes may survive SIGKILL (uninterruptible I/O, a hung driver). After so many waits in which
// none of them ended, 10 s in all, the supervisor reports without them.
constexpr int kill_wait_ms = 20;
constexpr int kill_quiet_waits = 500;
// Exit codes of the supervisor itself when it cannot work (sysexits: usage, OS error).
constexpr int exit_usage = 64;
constexpr int exit_os_error = 71;

struct LaunchFailure {
    std::int32_t error = 0;
    bool in_chdir = false;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& text : strings)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

// In the forked child: becomes the command or tells why not on `error_pipe`.
[[noreturn]] void become(Command& command, pid_t supervisor, int error_pipe) {
    LaunchFailure failure;
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != supervisor) ::_exit(exit_os_error);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::close(pod_init_control_fd);
    failure.in_chdir = !command.working_dir.empty() && ::chdir(command.working_dir.c_str()) != 0;
    if (!failure.in_chdir) {
        const std::vector<char*> argv = pointers(command.argv);
        const std::vector<char*> env = pointers(command.env);
        ::execve(command.path.c_str(), argv.data(), env.data());
    }
    failure.error = errno;
    const ssize_t written = ::write(error_pipe, &failure, sizeof failure);
    ::_exit(written == sizeof failure ? 127 : exit_os_error);
}

class PodInit {
  public:
    explicit PodInit(int signals) : signals_(signals) {}

    bool launch(Command& command);
    // Returns when nothing of the command is left; then `report` is its last one.
    void supervise(pid_t parent);
    void send(const PodInitReport& report) const;

  private:
    void obey();
    void reap(bool& any_left);
    void kill_everything();

    int signals_;
    pid_t command_ = 0;
    bool command_ended_ = false;
    bool must_die_ = false;
    ExitStatus status_;
};

void PodInit::send(const PodInitReport& report) const {
    // Nobody may be listening any more; there is nothing to do about it then.
    (void)::send(pod_init_control_fd, &report, sizeof report, MSG_NOSIGNAL);
}

bool PodInit::launch(Command& command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) ::_exit(exit_os_error);
    common::UniqueFd read_end(ends[0]);
    common::UniqueFd write_end(ends[1]);
    const pid_t supervisor = ::getpid();
    command_ = ::fork();
    if (command_ == 0) become(command, supervisor, write_end.get());
    PodInitReport report;
    if (command_ < 0) {
        report.kind = PodInitReport::Kind::failed;
        report.error = errno;
        send(report);
        return false;
    }
    write_end.reset();
    ::setpgid(command_, command_);  // whoever comes first; an error means that the child did it
    LaunchFailure failure;
    ssize_t got = 0;
    do {
        got = ::read(read_end.get(), &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    report.pid = command_;
    if (got == sizeof failure) {
        report.kind = PodInitReport::Kind::failed;
        report.error = failure.error;
        report.in_chdir = failure.in_chdir;
        ::waitpid(command_, nullptr, 0);
    }
    send(report);
    return report.kind == PodInitReport::Kind::started;
}

void PodInit::obey() {
    char order = 0;
    const ssize_t got = ::recv(pod_init_control_fd, &order, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0 || order == static_cast<char>(PodInitOrder::kill)) {
        must_die_ = true;
    } else if (order == static_cast<char>(PodInitOrder::terminate) && !command_ended_) {
        // Not reaped yet, so the number is still this command's.
        ::kill(-command_, SIGTERM);
    }
}

void PodInit::reap(bool& any_left) {
    for (;;) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        any_left = pid >= 0 || errno != ECHILD;
        if (pid <= 0) return;
        if (pid != command_) continue;
        command_ended_ = true;
        status_ = ExitStatus::from_wait(status);
    }
}

void PodInit::kill_everything() {
    PodInitReport report;
    report.kind = PodInitReport::Kind::exited;
    int quiet_waits = 0;
    bool any_left = true;
    for (reap(any_left); any_left; reap(any_left)) {
        // A process may fork between the listing and its death: hence again until none is left.
        const std::vector<pid_t> alive = descendants(::getpid());
        for (const pid_t pid : alive)
            ::kill(pid, SIGKILL);
        if (quiet_waits == kill_quiet_waits) {
            report.left = static_cast<std::int32_t>(alive.size());
            break;
        }
        pollfd wake{signals_, POLLIN, 0};
        signalfd_siginfo info;
        const bool woken = ::poll(&wake, 1, kill_wait_ms) > 0 &&
                           ::read(signals_, &info, sizeof info) == sizeof info;
        quiet_waits = woken ? 0 : quiet_waits + 1;
    }
    report.code = status_.code;
    report.signal = status_.signal;
    send(report);
}

void PodInit::supervise(pid_t parent) {
    while (!command_ended_ && !must_die_) {
        pollfd events[2] = {{pod_init_control_fd, POLLIN, 0}, {signals_, POLLIN, 0}};
        if (::poll(events, 2, -1) < 0) continue;
        if (events[0].revents != 0) obey();
        if (events[1].revents == 0) continue;
        signalfd_siginfo info;
        if (::read(signals_, &info, sizeof info) != sizeof info) continue;
        bool any_left = false;
        reap(any_left);
        // SIGTERM is also what PR_SET_PDEATHSIG sends: it counts only if the parent really is gone.
        if (::getppid() != parent) must_die_ = true;
    }
    kill_everything();
}

std::string read_all(int fd) {
    std::string bytes;
    char part[4096];
    for (ssize_t got = 0; (got = ::read(fd, part, sizeof part)) > 0;)
        bytes.append(part, static_cast<std::size_t>(got));
    return bytes;
}

std::string_view take_string(std::string_view& bytes, bool& good) {
    const std::size_t end = bytes.find('\0');
    good = good && end != std::string_view::npos;
    if (!good) return {};
    const std::string_view text = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    return text;
}

}  // namespace

std::string encode(const Command& command) {
    std::string bytes;
    const auto add = [&bytes](const std::string& text) {
        bytes.append(text.c_str());  // to the first NUL: exec sees no more of it either
        bytes.push_back('\0');
    };
    add(command.path);
    add(command.working_dir);
    add(std::to_string(command.argv.size()));
    for (const std::string& text : command.argv)
        add(text);
    for (const std::string& text : command.env)
        add(text);
    return bytes;
}

bool decode(const std::string& bytes, Command& command) {
    std::string_view rest = bytes;
    bool good = true;
    command = {};
    command.path = take_string(rest, good);
    command.working_dir = take_string(rest, good);
    const std::string count_text(take_string(rest, good));
    const unsigned long count = std::strtoul(count_text.c_str(), nullptr, 10);
    for (unsigned long i = 0; good && i < count; ++i)
        command.argv.emplace_back(take_string(rest, good));
    while (good && !rest.empty())
        command.env.emplace_back(take_string(rest, good));
    return good;
}

bool is_pod_init(int argc, char** argv) {
    return argc > 0 && std::string_view(argv[0]) == "pod-init";
}

void run_pod_init() {
    ::prctl(PR_SET_NAME, "pod-init");
    const pid_t parent = ::getppid();
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(pod_init_control_fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        std::fputs("pod-init: started by sluice only\n", stderr);
        ::_exit(exit_usage);
    }
    // sluice may be killed and have been killed already: from here its end is seen.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    const int signals = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    Command command;
    if (signals < 0 || !decode(read_all(pod_init_command_fd), command)) ::_exit(exit_os_error);
    ::close(pod_init_command_fd);
    if (command.path == docker_guard_program) run_docker_guard(command);
    ::fcntl(pod_init_control_fd, F_SETFD, FD_CLOEXEC);
    PodInit init(signals);
    if (init.launch(command)) init.supervise(parent);
    ::_exit(0);
}

}  // namespace sluice
