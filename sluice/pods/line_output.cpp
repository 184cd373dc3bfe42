#include "sluice/pods/line_output.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/log/log.hpp"
#include "common/net/unique_fd.hpp"
#include "sluice/text_width.hpp"

namespace sluice {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

// A pipe that poll() calls writable takes this much without blocking (POSIX PIPE_BUF on Linux).
constexpr std::size_t safe_piece = 4096;

// ECMA-48: to the line's start, and nothing in it.
constexpr std::string_view clear_line = "\r\x1b[K";

enum class Manner : std::uint8_t {
    own_description,  // a second, non-blocking opening of the same pipe or terminal
    socket,           // MSG_DONTWAIT
    file,             // writes to regular files do not wait for a reader
    polled            // poll(), then a small piece
};

std::string own_line(std::string_view event, std::string_view text) {
    if (common::log_format() == common::LogFormat::json)
        return common::make_log_line(common::LogLevel::info, event, text);
    std::string line = "[sluice] ";
    return line.append(text);
}

}  // namespace

struct LineOutput::State {
    State(boost::asio::any_io_executor executor, int its_fd, std::size_t its_capacity)
        : fd(its_fd), capacity(its_capacity), writable(executor) {
        choose_manner();
        terminal = ::isatty(fd) == 1;
    }

    // Empty if there is none. The cursor stays at its start, so that what others write to the
    // terminal (logs) is not appended to it.
    std::string status_line() const;
    void choose_manner();
    ssize_t write_some(const char* bytes, std::size_t size) const;
    bool flush();
    void tell_dropped();
    // Has the rest written when the output takes it, if there is a rest.
    static void wait(const std::shared_ptr<State>& state);

    int fd;
    bool terminal = false;
    std::size_t capacity;
    Manner manner = Manner::file;
    common::UniqueFd reopened;
    Descriptor writable;
    bool waiting = false;
    bool open = true;
    std::string kept;  // whole lines, but for a first one that was written in part
    std::string status;
    std::uint64_t dropped = 0;
    std::uint64_t dropped_told = 0;
};

void LineOutput::State::choose_manner() {
    struct stat info{};
    if (::fstat(fd, &info) != 0 || S_ISREG(info.st_mode)) return;
    if (S_ISSOCK(info.st_mode)) {
        manner = Manner::socket;
    } else {
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        reopened.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        manner = reopened ? Manner::own_description : Manner::polled;
    }
    const int watched = ::fcntl(reopened ? reopened.get() : fd, F_DUPFD_CLOEXEC, 0);
    boost::system::error_code error;
    if (watched >= 0) writable.assign(watched, error);
    if (error) ::close(watched);  // /dev/null and the like cannot be watched, nor do they block
}

std::string LineOutput::State::status_line() const {
    if (status.empty()) return "";
    winsize size{};
    const bool known = ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    // A line that fills the terminal would wrap, and could not be written over.
    const std::size_t columns = known ? size.ws_col - std::size_t{1} : 79;
    std::string line{clear_line};
    line += clipped(printable(status), columns);
    line += '\r';
    return line;
}

ssize_t LineOutput::State::write_some(const char* bytes, std::size_t size) const {
    switch (manner) {
        case Manner::own_description:
            return ::write(reopened.get(), bytes, size);
        case Manner::socket:
            return ::send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        case Manner::polled: {
            pollfd ready{fd, POLLOUT, 0};
            if (::poll(&ready, 1, 0) > 0) return ::write(fd, bytes, std::min(size, safe_piece));
            errno = EAGAIN;
            return -1;
        }
        case Manner::file:
            break;
    }
    return ::write(fd, bytes, size);
}

// Returns false when lines were lost.
bool LineOutput::State::flush() {
    std::size_t done = 0;
    bool lost = false;
    while (done < kept.size()) {
        const ssize_t written = write_some(kept.data() + done, kept.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN && writable.is_open()) break;
        if (written < 0) {
            // Closed or full for good: these lines are lost, the next ones try again.
            dropped += static_cast<std::uint64_t>(
                std::count(kept.begin() + static_cast<std::ptrdiff_t>(done), kept.end(), '\n'));
            done = kept.size();
            lost = true;
            break;
        }
        done += static_cast<std::size_t>(written);
    }
    kept.erase(0, done);
    return !lost;
}

void LineOutput::State::tell_dropped() {
    if (!kept.empty() || dropped == dropped_told) return;
    const std::uint64_t counted = dropped;
    kept =
        own_line("output_lines_lost", std::to_string(counted - dropped_told) +
                                          " lines were dropped: this output was full or closed") +
        "\n";
    if (flush()) {
        dropped_told = counted;
    } else {
        dropped = counted;  // our own line does not count
    }
}

void LineOutput::State::wait(const std::shared_ptr<State>& state) {
    if (state->kept.empty() || state->waiting) return;
    state->waiting = true;
    state->writable.async_wait(Descriptor::wait_write, [state](boost::system::error_code error) {
        state->waiting = false;
        if (error || !state->open) return;
        if (state->flush()) state->tell_dropped();
        wait(state);
    });
}

LineOutput::LineOutput(boost::asio::any_io_executor executor, int fd, std::size_t capacity)
    : state_(std::make_shared<State>(std::move(executor), fd, capacity)) {}

LineOutput::~LineOutput() {
    state_->open = false;
    set_status("");
    state_->flush();
    boost::system::error_code ignored;
    state_->writable.close(ignored);
}

void LineOutput::write(std::string_view line) {
    State& state = *state_;
    if (state.kept.size() + line.size() + 1 > state.capacity) {
        ++state.dropped;
        return;
    }
    if (!state.status.empty()) state.kept.append(clear_line);
    state.kept.append(line);
    state.kept.push_back('\n');
    state.kept.append(state.status_line());
    if (!state.waiting && state.flush()) state.tell_dropped();
    State::wait(state_);
}

void LineOutput::write_event(std::string_view event, std::string_view text) {
    write(own_line(event, text));
}

bool LineOutput::is_terminal() const {
    return state_->terminal;
}

void LineOutput::set_status(std::string_view text) {
    State& state = *state_;
    if (!state.terminal || state.status == text) return;
    state.status = text;
    // An output that is behind shows it with its next line.
    if (!state.kept.empty()) return;
    state.kept = text.empty() ? std::string(clear_line) : state.status_line();
    state.flush();
    State::wait(state_);
}

std::uint64_t LineOutput::dropped() const {
    return state_->dropped;
}

}  // namespace sluice
