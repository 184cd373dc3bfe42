#include "proxy/readiness.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>

#include "tests/support/shell_fixture.hpp"

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using proxy::ProbeSpec;
using proxy::Readiness;

namespace {

class ReadinessFixture : public common::ShellFixture {
  public:
    static common::awaitable<void> ask(Readiness& readiness, std::vector<bool>& answers) {
        const bool ready = co_await readiness.ask();
        answers.push_back(ready);
    }
    void ask(Readiness& readiness) { tasks.spawn("ask", ask(readiness, answers)); }

    // An application's port: the kernel accepts for it.
    tcp::acceptor listener{io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
    std::vector<bool> answers;
};

ProbeSpec tcp_probe(std::uint16_t port) {
    ProbeSpec spec;
    spec.handler = proxy::TcpProbe{port};
    spec.period = 1s;
    spec.timeout = 1s;
    return spec;
}

}  // namespace

TEST_CASE("readiness: without probes the application is ready", "[proxy]") {
    ReadinessFixture f;
    Readiness readiness(f.tasks, f.time, {});
    f.ask(readiness);
    f.time.settle();
    CHECK(f.answers == std::vector<bool>{true});
}

TEST_CASE("readiness: row 85, askers share one run", "[proxy]") {
    ReadinessFixture f;
    Readiness readiness(f.tasks, f.time, {{tcp_probe(f.listener.local_endpoint().port())}, false});
    for (int i = 0; i < 3; ++i)
        f.ask(readiness);
    REQUIRE(common::run_until(f.io, [&f] { return f.answers.size() == 3; }));
    CHECK(f.answers == std::vector<bool>{true, true, true});
    // One connection was made, not three.
    f.listener.non_blocking(true);
    boost::system::error_code ec;
    tcp::socket first(f.io);
    f.listener.accept(first, ec);
    CHECK_FALSE(ec);
    tcp::socket second(f.io);
    f.listener.accept(second, ec);
    CHECK(ec == boost::asio::error::would_block);
}

TEST_CASE("readiness: row 87, all probes have to pass", "[proxy]") {
    ReadinessFixture f;
    ProbeSpec impossible;
    impossible.handler = proxy::ImpossibleProbe{"exec"};
    impossible.period = 1s;
    impossible.timeout = 1s;
    Readiness readiness(f.tasks, f.time,
                        {{tcp_probe(f.listener.local_endpoint().port()), impossible}, false});
    f.ask(readiness);
    REQUIRE(common::run_until(f.io, [&f] { return f.answers.size() == 1; }));
    CHECK(f.answers == std::vector<bool>{false});
}

TEST_CASE("readiness: an aggressive run tries every 50 ms for 10 s", "[proxy]") {
    ReadinessFixture f;
    ProbeSpec impossible;
    impossible.handler = proxy::ImpossibleProbe{"exec"};
    Readiness readiness(f.tasks, f.time, {{impossible}, false});
    f.ask(readiness);
    f.time.advance(9990ms);
    CHECK(f.answers.empty());
    f.time.advance(100ms);
    CHECK(f.answers == std::vector<bool>{false});
}

TEST_CASE("readiness: close answers those who wait and ends the run", "[proxy]") {
    ReadinessFixture f;
    ProbeSpec impossible;
    impossible.handler = proxy::ImpossibleProbe{"exec"};
    Readiness readiness(f.tasks, f.time, {{impossible}, false});
    f.ask(readiness);
    f.time.advance(1s);
    readiness.close();
    f.time.advance(100ms);
    CHECK(f.answers == std::vector<bool>{false});
    f.ask(readiness);
    f.time.settle();
    CHECK(f.answers == std::vector<bool>{false, false});
}
