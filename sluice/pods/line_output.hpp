// Writes lines to one of our own outputs (stdout) without ever waiting for it. What the output does
// not take at once is kept, up to a bound; beyond it lines are dropped, counted, and the count is
// told once the output takes lines again. A closed pipe or a full disk never stops a pod.
//
// On a terminal there may be a status line besides, below all others, which is written again in
// place.
//
// The output's own O_NONBLOCK flag is left alone: it is shared with the shell and other programs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

namespace sluice {

class LineOutput {
  public:
    static constexpr std::size_t default_capacity = std::size_t{1024} * 1024;  // bytes

    // `fd` stays the caller's and must outlive this object. SIGPIPE must be ignored by the program.
    LineOutput(boost::asio::any_io_executor executor, int fd,
               std::size_t capacity = default_capacity);
    // Writes what it can without waiting.
    ~LineOutput();
    LineOutput(const LineOutput&) = delete;
    LineOutput& operator=(const LineOutput&) = delete;

    // Adds the line's end itself.
    void write(std::string_view line);
    // A line of our own, "[sluice] TEXT"; where the log is JSON, an event (common/log/README.md).
    void write_event(std::string_view event, std::string_view text);

    bool is_terminal() const;
    // Shows this as the last line, cut to the terminal's width, until it is replaced; empty: no
    // such line. Does nothing where there is no terminal.
    void set_status(std::string_view text);

    std::uint64_t dropped() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice
