#include "tests/support/shell_fixture.hpp"

#include <catch2/catch.hpp>

namespace common {

bool run_until(boost::asio::io_context& io, const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
        if (std::chrono::steady_clock::now() > give_up) return false;
        io.restart();
        io.run_one_for(std::chrono::milliseconds(100));
    }
    return true;
}

ShellFixture::ShellFixture()
    : parts_(new Parts),
      io(parts_->io),
      time(parts_->time),
      tasks(parts_->tasks),
      hangups(parts_->hangups),
      exceptions_before_(std::uncaught_exceptions()) {}

ShellFixture::~ShellFixture() {
    const bool failing = std::uncaught_exceptions() > exceptions_before_;
    if (!failing) {
        time.settle();
        CHECK(tasks.size() == 0);
        CHECK(tasks.failures() == failures_expected);
        CHECK(time.armed() == 0);
    }
    if (!failing && tasks.size() == 0) delete parts_;
}

}  // namespace common
