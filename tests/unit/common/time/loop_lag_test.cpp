#include "common/time/loop_lag.hpp"

#include <catch2/catch.hpp>

#include "tests/support/shell_fixture.hpp"

using namespace std::chrono_literals;

namespace {

// A clock that jumps while the loop is busy: the timer fires on time, but the loop comes late.
class LateTime final : public common::TimeSource {
  public:
    explicit LateTime(common::ManualTime& under) : under_(under) {}
    common::Instant now() const override { return under_.now() + late; }
    common::WallTime wall_now() const override { return under_.wall_now(); }
    std::unique_ptr<common::Timer> make_timer() override { return under_.make_timer(); }
    std::size_t armed() const override { return under_.armed(); }
    common::Duration late{};

  private:
    common::ManualTime& under_;
};

}  // namespace

TEST_CASE("loop lag: what the loop is late is what is observed", "[common]") {
    common::ShellFixture f;
    LateTime time(f.time);
    common::LoopLag lag(time, 1s);
    lag.start();
    f.time.advance(3s);
    CHECK(lag.seconds().count() == 3);
    CHECK(lag.seconds().sum() == Approx(0));
    time.late = 300ms;
    f.time.advance(1s);
    CHECK(lag.seconds().count() == 4);
    CHECK(lag.seconds().sum() == Approx(0.3));
    CHECK(lag.timers() == 1);
    lag.stop();
    CHECK(lag.timers() == 0);
}
