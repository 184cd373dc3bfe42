#include "sluice/pods/supervised_process.hpp"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <optional>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "sluice/pods/spawn.hpp"

namespace sluice {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

std::string failure_text(const Command& command, const PodInitReport& report) {
    const std::string why = ::strerror(report.error);
    if (report.in_chdir)
        return "cannot enter the working directory " + command.working_dir + ": " + why;
    std::string text = "cannot run " + command.path + ": " + why;
    // The file was there a moment ago, so it is the interpreter that is not.
    if (report.error == ENOENT) text += " (is the interpreter named in its first line there?)";
    return text;
}

}  // namespace

// Kept alive by the pending waits; `open` says whether the owner still wants news.
struct SupervisedProcess::State {
    State(boost::asio::any_io_executor its_executor, News its_news)
        : executor(its_executor), news(std::move(its_news)), control(executor), exit(executor) {}

    static void wait_for_report(const std::shared_ptr<State>& state);
    static void wait_for_exit(const std::shared_ptr<State>& state);
    // Returns whether more reports may come.
    bool read_reports();
    void finish();
    void order(PodInitOrder what);
    int reap();

    boost::asio::any_io_executor executor;
    News news;
    Command command;  // for messages; without its environment
    Descriptor control;
    Descriptor exit;  // the supervisor's pidfd: readable when it has ended
    int pid = 0;      // the supervisor, not reaped yet
    int group = 0;    // the command's process group
    bool open = true;
    std::optional<PodInitReport> last;
};

void SupervisedProcess::State::wait_for_report(const std::shared_ptr<State>& state) {
    state->control.async_wait(Descriptor::wait_read, [state](boost::system::error_code error) {
        if (error || !state->open) return;
        if (state->read_reports()) wait_for_report(state);
    });
}

void SupervisedProcess::State::wait_for_exit(const std::shared_ptr<State>& state) {
    state->exit.async_wait(Descriptor::wait_read, [state](boost::system::error_code error) {
        if (error) return;
        if (state->open) return state->finish();
        state->reap();
    });
}

bool SupervisedProcess::State::read_reports() {
    for (;;) {
        PodInitReport report;
        const ssize_t got = ::recv(control.native_handle(), &report, sizeof report, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
        if (got != sizeof report) return false;  // its end: wait_for_exit() has the rest
        if (report.kind != PodInitReport::Kind::started) {
            last = report;
            continue;
        }
        group = report.pid;
        news.on_started();
        if (!open) return false;
    }
}

int SupervisedProcess::State::reap() {
    int status = 0;
    if (pid != 0) ::waitpid(std::exchange(pid, 0), &status, 0);
    return status;
}

void SupervisedProcess::State::finish() {
    const int status = reap();
    read_reports();
    if (!open) return;
    open = false;
    // Without a last report the supervisor was killed: the command died with it, its group has not.
    if (!last && group != 0) ::kill(-group, SIGKILL);
    boost::system::error_code ignored;
    control.close(ignored);
    exit.close(ignored);
    // Moved out: a callback may destroy the owner, and with it `news`.
    const News told = std::move(news);
    if (!last) return told.on_exited(ExitStatus::from_wait(status), 0);
    if (last->kind == PodInitReport::Kind::failed)
        return told.on_failed(failure_text(command, *last));
    told.on_exited({last->code, last->signal}, last->left);
}

void SupervisedProcess::State::order(PodInitOrder what) {
    const char byte = static_cast<char>(what);
    if (control.is_open()) (void)::send(control.native_handle(), &byte, 1, MSG_NOSIGNAL);
}

SupervisedProcess::SupervisedProcess(boost::asio::any_io_executor executor, News news)
    : state_(std::make_shared<State>(std::move(executor), std::move(news))) {}

SupervisedProcess::~SupervisedProcess() {
    state_->open = false;
    boost::system::error_code ignored;
    // The supervisor takes this end for our death. The wait on its pidfd stays, and reaps it.
    state_->control.close(ignored);
}

void SupervisedProcess::launch(const Command& command, const std::string& label, int output) {
    state_->command = {command.path, {}, {}, command.working_dir};
    SpawnedSupervisor spawned = spawn_supervisor(command, label, output);
    if (!spawned.error.empty()) {
        boost::asio::post(state_->executor, [state = state_, error = spawned.error] {
            if (!std::exchange(state->open, false)) return;
            const News told = std::move(state->news);
            told.on_failed(error);
        });
        return;
    }
    state_->pid = spawned.pid;
    state_->control.assign(spawned.control.release());
    state_->exit.assign(spawned.pidfd.release());
    State::wait_for_report(state_);
    State::wait_for_exit(state_);
}

void SupervisedProcess::terminate() {
    state_->order(PodInitOrder::terminate);
}

void SupervisedProcess::kill() {
    state_->order(PodInitOrder::kill);
}

bool SupervisedProcess::kill_and_wait(int milliseconds) {
    kill();
    state_->open = false;
    if (state_->pid == 0) return true;
    pollfd ended{state_->exit.native_handle(), POLLIN, 0};
    if (::poll(&ended, 1, milliseconds) <= 0) return false;
    state_->reap();
    PodInitReport report;
    bool none_left = true;
    while (::recv(state_->control.native_handle(), &report, sizeof report, MSG_DONTWAIT) ==
           sizeof report)
        none_left = report.left == 0;
    return none_left;
}

int SupervisedProcess::supervisor() const {
    return state_->pid;
}

}  // namespace sluice
