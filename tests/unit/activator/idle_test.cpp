// The first request after a long silence: nothing that was kept meanwhile may be of the wrong age.
#include <catch2/catch.hpp>

#include "tests/support/activator_fixture.hpp"

namespace activator {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const std::string get = "GET /x HTTP/1.1\r\nHost: sd.default.example\r\n\r\n";

}  // namespace

TEST_CASE("idle: the first request after 12 h is served as the first of all", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(get);
    f.until_requests(pod, 1);
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);

    f.time.advance(hours(12));
    // On the connection that the client kept; the one to the pod is too old to be trusted.
    client->send(get);
    f.until_requests(pod, 2);
    CHECK(pod.script.count() == 2);
    pod.answer();
    const std::string answer = f.answer_to(*client);
    CHECK(status_of(answer) == 200);
    CHECK(field_of(answer, "Server-Timing") == "queue;dur=0.0, cold;dur=0.0, run;dur=0.0");
}

TEST_CASE("idle: after 12 h without a pod a request wakes one and waits for it alone",
          "[activator]") {
    ActivatorFixture f;
    auto& old_pod = f.add_pod("sd-a");
    const auto before = f.say(get);
    f.until_requests(old_pod, 1);
    old_pod.answer();
    CHECK(status_of(f.answer_to(*before)) == 200);
    f.router.remove_pod(old_pod.id);
    f.time.advance(hours(12));

    std::size_t woken = 0;
    f.router.on_wake([&](RevisionId) { ++woken; });
    const auto client = f.say(get);
    f.until([&] { return woken > 0; });
    // The budget for a cold start begins now, not twelve hours ago.
    f.time.advance(seconds(90));
    CHECK(f.router.view(f.id).waiting == 1);
    auto& pod = f.add_pod("sd-b");
    f.until_requests(pod, 1);
    pod.answer();
    const std::string answer = f.answer_to(*client);
    CHECK(status_of(answer) == 200);
    CHECK(field_of(answer, "Server-Timing") == "queue;dur=0.0, cold;dur=90000.0, run;dur=0.0");
    CHECK(f.time.armed() < 10);
}

}  // namespace activator
