// The terminal as a picture that is drawn again and again, and its keys. Plain control sequences
// (ECMA-48, and xterm's alternate screen), which every terminal of the last decades knows: no
// database of terminals is needed on the machine, so it works over ssh from anywhere and in an
// image that holds nothing else.
//
// Drawing never waits: a terminal that takes nothing (a stalled ssh) misses pictures, and cannot
// keep the program from ending.
#pragma once

#include <termios.h>

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/net/unique_fd.hpp"
#include "sluice/top/layout.hpp"

namespace sluice::top {

class Terminal {
  public:
    // `input` may be no terminal: then there are no keys. REQUIRES: `output` is one.
    Terminal(boost::asio::any_io_executor executor, int input, int output);
    // As leave(), and no callback runs any more.
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    // Takes the terminal: an empty screen of our own, no echo, keys at once.
    void enter();
    // Gives it back as it was: its old screen, its modes.
    void leave();
    void draw(const std::vector<Line>& lines);
    Size size() const;

    // One key at a time, from the event loop; '\0' when the terminal has gone.
    void on_key(std::function<void(char key)> callback);
    void end_keys();

  private:
    void wait_for_keys();
    void flush();

    int input_;
    int output_;
    common::UniqueFd own_;  // a second opening of the output, the only one that never waits
    boost::asio::posix::stream_descriptor readable_;
    boost::asio::posix::stream_descriptor writable_;
    std::function<void(char)> on_key_;
    termios before_{};
    bool has_modes_ = false;  // `before_` is valid
    bool entered_ = false;
    bool waiting_ = false;
    std::string rest_;  // of the picture that is being written
    std::string next_;  // the newest one behind it
};

// The size of the terminal behind this descriptor; `otherwise` if it is none or does not say.
Size terminal_size(int fd, Size otherwise);

}  // namespace sluice::top
