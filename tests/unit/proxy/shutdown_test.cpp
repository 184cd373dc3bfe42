#include "proxy/shutdown.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/shell_fixture.hpp"

using namespace std::chrono_literals;
using proxy::Shutdown;

namespace {

class ShutdownFixture : public common::ShellFixture {
  public:
    explicit ShutdownFixture(proxy::DrainRules rules = {})
        : shutdown(time, io.get_executor(), rules,
                   {[this] { log.push_back("close"); }, [this] { log.push_back("end"); },
                    [this](int code) { log.push_back("exit " + std::to_string(code)); }}) {}

    static common::awaitable<void> wait(ShutdownFixture& self, std::string name) {
        co_await self.shutdown.wait();
        self.log.push_back(name);
    }
    void spawn_waiter(const char* name) {
        tasks.spawn("waiter", wait(*this, name));
        time.settle();
    }

    std::vector<std::string> log;
    Shutdown shutdown;
};

using Log = std::vector<std::string>;

}  // namespace

TEST_CASE("shutdown: a waiter without a signal is answered after a second", "[proxy]") {
    ShutdownFixture f;
    f.spawn_waiter("first");
    CHECK(f.shutdown.is_draining());
    f.time.advance(500ms);
    f.spawn_waiter("second");
    f.time.advance(499ms);
    CHECK(f.log.empty());
    f.time.advance(1ms);
    CHECK(f.log == Log{"first", "second"});
    CHECK_FALSE(f.shutdown.is_draining());
}

TEST_CASE("shutdown: quiet, then the listeners, then streams, then exit 0", "[proxy]") {
    ShutdownFixture f;
    f.shutdown.signalled();
    f.time.advance(20s);
    f.shutdown.request_arrived();
    f.time.advance(29s);
    CHECK(f.log.empty());
    f.time.advance(1s);
    REQUIRE(f.log == Log{"close"});
    f.shutdown.listeners_closed(1);
    f.time.advance(59s);
    CHECK(f.log == Log{"close"});
    f.shutdown.in_flight_changed(0);
    CHECK(f.log == Log{"close", "exit 0"});
}

TEST_CASE("shutdown: row 20, streams that go on are closed after 60 s", "[proxy]") {
    ShutdownFixture f;
    f.shutdown.signalled();
    f.time.advance(30s);
    f.shutdown.listeners_closed(1);
    f.time.advance(60s);
    CHECK(f.log == Log{"close", "end", "exit 0"});
}

TEST_CASE("shutdown: a second signal ends with 1", "[proxy]") {
    ShutdownFixture f;
    f.shutdown.signalled();
    f.time.advance(1s);
    f.shutdown.signalled();
    CHECK(f.log == Log{"exit 1"});
}
