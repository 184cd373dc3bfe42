#include "activator/pod_answer.hpp"

#include <catch2/catch.hpp>

namespace activator {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("pod answer: times are milliseconds with one decimal, rounded", "[activator]") {
    CHECK(server_timing({}, {}, {}) == "queue;dur=0.0, cold;dur=0.0, run;dur=0.0");
    CHECK(server_timing(microseconds(1240), microseconds(1260), seconds(90)) ==
          "queue;dur=1.2, cold;dur=1.3, run;dur=90000.0");
    CHECK(server_timing(microseconds(49), microseconds(51), microseconds(999'970)) ==
          "queue;dur=0.0, cold;dur=0.1, run;dur=1000.0");
    CHECK(server_timing(hours(24 * 365), milliseconds(7), {}) ==
          "queue;dur=31536000000.0, cold;dur=7.0, run;dur=0.0");
}

TEST_CASE("pod answer: what a queue-proxy declined is not an answer", "[activator]") {
    common::ResponseHead head;
    head.status = 503;
    CHECK(declined_by(head) == Declined::no);
    head.fields.set("Sluice-Refused", "busy");
    CHECK(declined_by(head) == Declined::busy);
    head.fields.set("Sluice-Refused", "unreachable");
    CHECK(declined_by(head) == Declined::unreachable);
    head.status = 200;
    CHECK(declined_by(head) == Declined::no);
    head.fields.set("Sluice-Error", "timeout");
    CHECK(declined_by(head) == Declined::timeout);
    head.fields.set("Sluice-Error", "lost");
    CHECK(declined_by(head) == Declined::lost);
}

}  // namespace
}  // namespace activator
