#include "sluice/top/terminal.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

namespace sluice::top {
namespace {

// Alternate screen, no cursor, no wrapping: a line that the terminal finds longer than we do must
// not push the others down.
constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr std::string_view leave_screen = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr int leave_wait_ms = 500;  // for a terminal that takes nothing

std::string_view start_of(Style style) {
    switch (style) {
        case Style::title:
            return "\x1b[7m";
        case Style::heading:
        case Style::chosen:
            return "\x1b[1m";
        case Style::dim:
            return "\x1b[2m";
        case Style::plain:
            break;
    }
    return "";
}

}  // namespace

Size terminal_size(int fd, Size otherwise) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return otherwise;
    return {size.ws_col, size.ws_row};
}

Terminal::Terminal(boost::asio::any_io_executor executor, int input, int output)
    : input_(input), output_(output), readable_(executor), writable_(executor) {
    const std::string path = "/proc/self/fd/" + std::to_string(output_);
    own_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    boost::system::error_code ignored;
    const int watched = ::fcntl(own_ ? own_.get() : output_, F_DUPFD_CLOEXEC, 0);
    if (watched >= 0) writable_.assign(watched, ignored);
}

Terminal::~Terminal() {
    leave();
    boost::system::error_code ignored;
    readable_.close(ignored);
    writable_.close(ignored);
}

Size Terminal::size() const {
    return terminal_size(output_, Size{});
}

void Terminal::enter() {
    if (entered_) return;
    entered_ = true;
    has_modes_ = ::tcgetattr(input_, &before_) == 0;
    if (has_modes_) {
        termios modes = before_;
        modes.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        modes.c_iflag &= ~static_cast<tcflag_t>(IXON);  // Ctrl-S would stop the picture
        modes.c_cc[VMIN] = 1;
        modes.c_cc[VTIME] = 0;
        ::tcsetattr(input_, TCSANOW, &modes);
    }
    rest_ += enter_screen;
    flush();
}

void Terminal::leave() {
    if (!entered_) return;
    entered_ = false;
    next_.clear();
    rest_ += leave_screen;
    flush();
    pollfd ready{own_ ? own_.get() : output_, POLLOUT, 0};
    while (!rest_.empty() && ::poll(&ready, 1, leave_wait_ms) > 0 && ready.revents == POLLOUT)
        flush();
    rest_.clear();
    if (has_modes_) ::tcsetattr(input_, TCSANOW, &before_);
}

void Terminal::draw(const std::vector<Line>& lines) {
    if (!entered_) return;
    std::string picture = "\x1b[H";
    bool first = true;
    for (const Line& line : lines) {
        if (!first) picture += "\r\n";
        first = false;
        picture += start_of(line.style);
        picture += line.text;
        picture += "\x1b[0m\x1b[K";
    }
    picture += "\x1b[J";
    next_ = std::move(picture);
    flush();
}

void Terminal::flush() {
    while (true) {
        if (rest_.empty()) rest_.swap(next_);
        if (rest_.empty()) return;
        const ssize_t written = ::write(own_ ? own_.get() : output_, rest_.data(), rest_.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) break;
        rest_.erase(0, static_cast<std::size_t>(written));
    }
    if (errno != EAGAIN || waiting_ || !entered_) return;
    waiting_ = true;
    writable_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                         [this](boost::system::error_code ec) {
                             if (ec) return;
                             waiting_ = false;
                             flush();
                         });
}

void Terminal::on_key(std::function<void(char key)> callback) {
    on_key_ = std::move(callback);
    if (!::isatty(input_)) return;
    boost::system::error_code error;
    const int watched = ::fcntl(input_, F_DUPFD_CLOEXEC, 0);
    if (watched >= 0) readable_.assign(watched, error);
    if (!error) wait_for_keys();
}

void Terminal::end_keys() {
    boost::system::error_code ignored;
    readable_.close(ignored);
    writable_.cancel(ignored);
}

void Terminal::wait_for_keys() {
    readable_.async_wait(
        boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code ec) {
            if (ec) return;
            std::array<char, 64> keys;
            const ssize_t got = ::read(readable_.native_handle(), keys.data(), keys.size());
            if (got < 0 && (errno == EINTR || errno == EAGAIN)) return wait_for_keys();
            if (got <= 0) return on_key_('\0');
            for (ssize_t i = 0; i < got && readable_.is_open(); ++i)
                on_key_(keys[static_cast<std::size_t>(i)]);
            if (readable_.is_open()) wait_for_keys();
        });
}

}  // namespace sluice::top
