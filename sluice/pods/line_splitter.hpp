// Cuts a byte stream into lines for the log. A line longer than 16 KiB is told in pieces, so that a
// program that never ends its line cannot make us grow. A carriage return alone (progress bars)
// ends a line too; "\r\n" is one end.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sluice {

constexpr std::size_t max_log_line = std::size_t{16} * 1024;

class LineSplitter {
  public:
    using OnLine = std::function<void(std::string_view)>;  // without its end

    // Calls `on_line` for each line that `bytes` completes. Empty lines are told, but not the empty
    // ones that progress bars make with repeated '\r'.
    void feed(std::string_view bytes, const OnLine& on_line);
    // The stream ended: tells what is left.
    void finish(const OnLine& on_line);

  private:
    void end_line(const OnLine& on_line);

    std::string line_;
    bool after_return_ = false;  // the last byte was '\r': a '\n' now belongs to it
};

}  // namespace sluice
