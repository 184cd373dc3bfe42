// Clients who leave at every point, and the timeouts: nothing runs for nobody, and a pod's slot is
// free only when the pod has ended.
#include <catch2/catch.hpp>

#include "tests/support/activator_fixture.hpp"

namespace activator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using EndedBy = RequestRecord::EndedBy;

const std::string plain_get = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_CASE("leave: who waits leaves the queue at once, and no pod hears of it", "[activator]") {
    ActivatorFixture f;
    const auto client = f.say(plain_get);
    CHECK(f.router.view(f.id).waiting == 1);
    const bool assigned_in_the_same_turn = GENERATE(false, true);
    auto& pod = f.add_pod("sd-a", false);
    client->end();
    if (assigned_in_the_same_turn) f.router.set_pod_ready(pod.id, true);
    f.until_finished(1);
    CHECK(f.router.view(f.id).waiting == 0);
    CHECK(f.router.view(f.id).running == 0);
    CHECK(f.records[0].ended_by == EndedBy::client);
    CHECK(pod.requests() == 0);
}

TEST_CASE("leave: while the pod works, its slot stays taken until it ends", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.slot_hold_max = seconds(100);
    ActivatorFixture f(std::move(revision));
    auto& pod = f.add_pod("sd-a");
    // Behind the bytes of a body only the kernel sees the end: activator_test.py has that.
    const auto client = f.say(plain_get);
    f.until_requests(pod, 1);
    f.time.settle();
    const auto next = f.say("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    if (GENERATE(false, true)) {
        client->end();
    } else {
        client->break_reads(boost::asio::error::connection_reset);
    }
    f.until_finished(1);
    CHECK(f.records[0].ended_by == EndedBy::client);
    f.until([&] { return pod.last().ended; });  // told that nobody waits any more
    CHECK(f.router.view(f.id).running == 1);
    CHECK(pod.requests() == 1);
    SECTION("with an answer") {
        pod.answer();
        pod.last().close();
    }
    SECTION("with its connection") {
        pod.last().close();
    }
    SECTION("or when the slot was held long enough") {
        f.time.advance(seconds(100));
    }
    f.until([&] { return contains(pod.script.got(), "/next"); });
    pod.answer();
    CHECK(status_of(f.answer_to(*next)) == 200);
}

TEST_CASE("leave: in the middle of its body", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\n\r\nabc");
    f.until([&] { return contains(pod.script.got(), "abc"); });
    client->end();
    f.until_finished(1);
    f.until([&] { return pod.last().ended; });
    CHECK(f.router.view(f.id).running == 1);
    pod.last().close();
    f.until([&] { return f.router.view(f.id).running == 0; });
    CHECK(f.records[0].ended_by == EndedBy::client);
}

TEST_CASE("leave: in the middle of the answer", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(plain_get);
    f.until_requests(pod, 1);
    pod.last().say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    f.until([&] { return contains(client->received(), "part"); });
    client->end();
    f.until_finished(1);
    CHECK(f.router.view(f.id).running == 1);
    pod.last().close();
    f.until([&] { return f.router.view(f.id).running == 0; });
}

// The time that the revision gives.

TEST_CASE("timeout: before the head 504, after it a broken message", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(plain_get);
    f.until_requests(pod, 1);
    const bool begun = GENERATE(false, true);
    if (begun) {
        pod.last().say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
        f.until([&] { return contains(client->received(), "part"); });
    }
    f.time.advance(seconds(300) - milliseconds(1));
    CHECK(f.records.empty());
    f.time.advance(milliseconds(1));
    f.until_finished(1);
    CHECK(f.records[0].ended_by == EndedBy::timeout);
    if (begun) {
        CHECK(client->was_reset());
        CHECK_FALSE(contains(client->received(), "0\r\n\r\n"));
    } else {
        const std::string answer = f.answer_to(*client);
        CHECK(status_of(answer) == 504);
        CHECK(contains(answer, "urn:sluice:problem:run-timeout"));
    }
    // The pod does not know that its time is up.
    CHECK(f.router.view(f.id).running == 1);
    pod.last().close();
    f.until([&] { return f.router.view(f.id).running == 0; });
}

TEST_CASE("timeout: it begins with the dispatch, not in the queue", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    revision.response_start_timeout = seconds(1);
    revision.idle_timeout = seconds(50);
    ActivatorFixture f(std::move(revision));
    const auto client = f.say(plain_get);
    f.time.advance(seconds(400));
    auto& pod = f.add_pod("sd-a");
    f.until_requests(pod, 1);
    SECTION("the answer must begin") {
        f.time.advance(seconds(1));
        const std::string answer = f.answer_to(*client);
        CHECK(status_of(answer) == 504);
        CHECK(contains(answer, "urn:sluice:problem:response-start-timeout"));
    }
    SECTION("and go on") {
        pod.last().say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        f.until([&] { return contains(client->received(), "part"); });
        f.time.advance(seconds(49));
        CHECK(f.records.empty());
        f.time.advance(seconds(1));
        CHECK(client->was_reset());
    }
    pod.last().close();
    f.until_finished(1);
}

TEST_CASE("timeout: the queue-proxy's own holds the slot until its message ends", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(plain_get);
    f.until_requests(pod, 1);
    pod.last().say(
        "HTTP/1.1 504 Gateway Timeout\r\nSluice-Error: timeout\r\nSluice-Slot: held\r\n"
        "Transfer-Encoding: chunked\r\n\r\n4\r\nlate\r\n");
    const std::string answer = f.answer_to(*client);
    CHECK(status_of(answer) == 504);
    CHECK(contains(answer, "urn:sluice:problem:run-timeout"));
    f.until_finished(1);
    CHECK(f.router.view(f.id).running == 1);
    pod.last().say("0\r\n\r\n");
    f.until([&] { return f.router.view(f.id).running == 0; });
}

TEST_CASE("timeout: a wait's end says which budget it was", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.cold_start_timeout = seconds(60);
    revision.knobs.queue_timeout = seconds(5);
    ActivatorFixture f(std::move(revision));
    const auto cold = f.say(plain_get);
    f.time.advance(seconds(60));
    std::string answer = f.answer_to(*cold);
    CHECK(status_of(answer) == 504);
    CHECK(contains(answer, "urn:sluice:problem:cold-start-timeout"));
    CHECK(contains(answer, "60 s"));
    auto& pod = f.add_pod("sd-a");
    const auto runs = f.say(plain_get);
    f.until_requests(pod, 1);
    const auto queued = f.say(plain_get);
    f.time.advance(seconds(5));
    answer = f.answer_to(*queued);
    CHECK(status_of(answer) == 504);
    CHECK(contains(answer, "urn:sluice:problem:queue-timeout"));
    CHECK(f.records.back().wait == seconds(5));
    pod.answer();
    CHECK(status_of(f.answer_to(*runs)) == 200);
}

TEST_CASE("removal: of a revision while one runs and one waits", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto runs = f.say(plain_get);
    f.until_requests(pod, 1);
    const auto waits = f.say(plain_get);
    f.router.remove_revision(f.id);
    const std::string answer = f.answer_to(*waits);
    CHECK(status_of(answer) == 504);
    CHECK(contains(answer, "urn:sluice:problem:revision-removed"));
    pod.answer();
    CHECK(status_of(f.answer_to(*runs)) == 200);
    f.until_finished(2);
}

TEST_CASE("leave: a request that somebody cancels is told so, and no pod hears of it",
          "[activator]") {
    ActivatorFixture f;
    const auto client = f.say(plain_get);
    const std::vector<const Ticket*> waiting = f.router.waiting(f.id, 0, 10);
    REQUIRE(waiting.size() == 1);
    CHECK(waiting[0]->head->target == "/x");
    REQUIRE(f.router.cancel(waiting[0]->id));
    const std::string answer = f.answer_to(*client);
    CHECK(status_of(answer) == 503);
    CHECK(contains(answer, "urn:sluice:problem:cancelled"));
    f.until_finished(1);
    CHECK(f.records[0].turned == RequestRecord::Turned::cancelled);
    CHECK(f.records[0].ended_by == EndedBy::queue);
    auto& pod = f.add_pod("sd-a");
    CHECK(pod.requests() == 0);
}

}  // namespace
}  // namespace activator
