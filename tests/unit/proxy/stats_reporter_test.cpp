#include "proxy/stats_reporter.hpp"

#include <catch2/catch.hpp>

#include "common/protocol/stat_message.hpp"
#include "tests/support/shell_fixture.hpp"

using common::Stat;
using namespace std::chrono_literals;

namespace {

class ReporterFixture : public common::ShellFixture {
  public:
    ReporterFixture() { reporter.start(); }
    ~ReporterFixture() { reporter.stop(); }
    Stat stat() const { return common::decode_stat(reporter.encoded()).value(); }

    common::RequestStats stats{time.now()};
    proxy::StatsReporter reporter{time, stats, "pod-1"};
};

}  // namespace

TEST_CASE("stats reporter: row 40, before the first second there is only the pod", "[proxy]") {
    ReporterFixture f;
    f.stats.request_in(f.time.now());
    f.time.advance(999ms);
    Stat only_pod;
    only_pod.pod_name = "pod-1";
    CHECK(f.stat() == only_pod);
}

TEST_CASE("stats reporter: rows 38 and 39, averages of one second", "[proxy]") {
    ReporterFixture f;
    f.stats.request_in(f.time.now());
    f.time.advance(500ms);
    f.stats.request_out(f.time.now());
    f.stats.request_in(f.time.now());
    f.time.advance(500ms);
    f.stats.request_out(f.time.now());
    CHECK(f.stat().average_concurrent_requests == 1.0);
    CHECK(f.stat().request_count == 2.0);
    CHECK(f.stat().process_uptime == 1.0);

    f.stats.request_in(f.time.now());
    f.stats.request_in(f.time.now());
    f.time.advance(1s);
    CHECK(f.stat().average_concurrent_requests == 2.0);
    f.stats.request_out(f.time.now());
    f.time.advance(1s);
    CHECK(f.stat().average_concurrent_requests == 1.0);
    CHECK(f.stat().request_count == 0.0);
    f.stats.request_out(f.time.now());
    f.time.advance(1s);
    CHECK(f.stat().average_concurrent_requests == 0.0);
    CHECK(f.stat().process_uptime == 4.0);
}

TEST_CASE("stats reporter: scraping changes nothing", "[proxy]") {
    ReporterFixture f;
    f.stats.proxied_in(f.time.now());
    f.time.advance(1s);
    const std::string first = f.reporter.encoded();
    CHECK(f.reporter.encoded() == first);
    CHECK(f.stat().average_proxied_concurrent_requests == 1.0);
    CHECK(f.stat().proxied_request_count == 1.0);
    f.stats.proxied_out(f.time.now());
}
