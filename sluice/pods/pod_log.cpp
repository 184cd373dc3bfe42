#include "sluice/pods/pod_log.hpp"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/log/log.hpp"
#include "sluice/pods/line_splitter.hpp"

namespace sluice {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

// Reads per wake-up, so that one noisy pod does not keep the event loop: 16 × 64 KiB.
constexpr int reads_per_turn = 16;

constexpr std::size_t last_line_max = 200;  // bytes; more than a terminal shows

}  // namespace

PodLog::PodLog(LineOutput& output, std::string pod, const std::string& directory)
    : output_(output), pod_(std::move(pod)) {
    if (directory.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    file_name_ = directory + "/" + pod_ + ".log";
    file_.reset(::open(file_name_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file_) file_failed(errno);
}

void PodLog::line(std::string_view part, std::string_view text) {
    if (part.empty() && text.find_first_not_of(" \t") != text.npos)
        last_line_ = text.substr(0, last_line_max);
    std::string whole = "[" + pod_;
    if (!part.empty()) whole.append(" ").append(part);
    whole.append("] ").append(text);
    output_.write(shown(part, text, whole));
    if (file_) write_to_file(whole);
}

std::string PodLog::shown(std::string_view part, std::string_view text,
                          const std::string& whole) const {
    if (common::log_format() == common::LogFormat::text) return whole;
    return common::make_log_line(common::LogLevel::info, "pod_output", text,
                                 {{"pod", pod_}, {"part", part.empty() ? "application" : part}});
}

void PodLog::file_failed(int error) {
    if (failing_) return;
    failing_ = true;
    output_.write_event("pod_log_file", "cannot write the log file " + file_name_ + ": " +
                                            ::strerror(error) +
                                            "; the pod goes on, its lines are missing there");
}

void PodLog::write_to_file(const std::string& line) {
    std::string text = torn_ ? "\n" : "";
    if (failing_)
        text += "[sluice] " + std::to_string(lost_) + " lines are missing here: disk full?\n";
    text += line;
    text += "\n";
    const ssize_t written = ::write(file_.get(), text.data(), text.size());
    if (written == static_cast<ssize_t>(text.size())) {
        if (failing_)
            output_.write_event("pod_log_file", "the log file " + file_name_ + " is written again");
        failing_ = false;
        torn_ = false;
        lost_ = 0;
        return;
    }
    file_failed(written < 0 ? errno : ENOSPC);
    torn_ = torn_ || written > 0;
    ++lost_;
}

struct OutputReader::State {
    State(boost::asio::any_io_executor executor, PodLog& its_log, std::string its_part)
        : log(&its_log), part(std::move(its_part)), pipe(executor) {}

    static void wait(const std::shared_ptr<State>& state);
    // Returns whether more may come.
    bool read(int times);
    void finish();

    PodLog* log;
    std::string part;
    Descriptor pipe;
    LineSplitter splitter;
};

void OutputReader::State::wait(const std::shared_ptr<State>& state) {
    state->pipe.async_wait(Descriptor::wait_read, [state](boost::system::error_code error) {
        if (error || !state->pipe.is_open()) return;
        if (state->read(reads_per_turn)) wait(state);
    });
}

bool OutputReader::State::read(int times) {
    std::array<char, std::size_t{64} * 1024> bytes;
    const auto tell = [this](std::string_view line) { log->line(part, line); };
    while (times-- > 0) {
        const ssize_t got = ::read(pipe.native_handle(), bytes.data(), bytes.size());
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (got == 0) {
            finish();
            return false;
        }
        splitter.feed({bytes.data(), static_cast<std::size_t>(got)}, tell);
    }
    return true;
}

void OutputReader::State::finish() {
    splitter.finish([this](std::string_view line) { log->line(part, line); });
    boost::system::error_code ignored;
    pipe.close(ignored);
}

OutputReader::OutputReader(boost::asio::any_io_executor executor, PodLog& log, std::string part)
    : state_(std::make_shared<State>(std::move(executor), log, std::move(part))) {}

OutputReader::~OutputReader() {
    drain();
    if (state_->pipe.is_open()) state_->finish();
}

common::UniqueFd OutputReader::open() {
    drain();
    if (state_->pipe.is_open()) state_->finish();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    state_->pipe.assign(ends[0]);
    State::wait(state_);
    return common::UniqueFd(ends[1]);
}

void OutputReader::drain() {
    // A pipe holds 64 KiB (1 MiB at most); more can only come from someone who still writes.
    if (state_->pipe.is_open()) state_->read(reads_per_turn);
}

}  // namespace sluice
