// A request's whole way: to a pod and back, to another pod when one refuses or breaks, and never
// twice. serve_request_leave_test.cpp has the clients who leave and the timeouts.
#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/activator_fixture.hpp"

namespace activator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string plain_get = "GET /x HTTP/1.1\r\nHost: sd.default.example\r\n\r\n";

std::string post(std::string_view body, std::string_view more = "") {
    return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

using EndedBy = RequestRecord::EndedBy;

TEST_CASE("serve: a request and its answer", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(plain_get);
    f.until_requests(pod, 1);
    CHECK(pod.script.got() ==
          "GET /x HTTP/1.1\r\nX-Forwarded-For: 10.1.1.1\r\n"
          "K-Original-Host: sd.default.example\r\nHost: " +
              common::to_string(pod.script.address()) +
              "\r\nK-Proxy-Request: activator\r\nSluice-Try: 1\r\n\r\n");
    f.time.advance(milliseconds(1500));
    pod.answer("hi", "X: y\r\nSluice-Slot: held\r\n");
    const std::string answer = f.answer_to(*client);
    CHECK(status_of(answer) == 200);
    CHECK(field_of(answer, "X") == "y");
    CHECK(field_of(answer, "Sluice-Pod") == "sd-a");
    CHECK(field_of(answer, "Sluice-Slot").empty());
    CHECK(field_of(answer, "Server-Timing") == "queue;dur=0.0, cold;dur=0.0, run;dur=1500.0");
    CHECK(field_of(answer, "Set-Cookie").empty());
    CHECK_FALSE(contains(answer, "127.0.0.1"));
    f.until_finished(1);
    CHECK(f.records[0].ended_by == EndedBy::pod);
    CHECK(f.records[0].dispatches == 1);
    // The connections are used again.
    client->send(plain_get);
    f.until_requests(pod, 2);
    CHECK(pod.script.count() == 1);
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
    CHECK(f.router.view(f.id).running == 0);
}

TEST_CASE("serve: where the wait went is told", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a", false);
    const auto first = f.say(plain_get);
    const auto second = f.say(plain_get);
    f.time.advance(seconds(2));
    CHECK(pod.script.count() == 0);
    f.router.set_pod_ready(pod.id, true);
    f.until_requests(pod, 1);
    f.time.advance(seconds(1));
    pod.answer();
    CHECK(field_of(f.answer_to(*first), "Server-Timing") ==
          "queue;dur=0.0, cold;dur=2000.0, run;dur=1000.0");
    f.until_requests(pod, 2);
    pod.answer();
    CHECK(field_of(f.answer_to(*second), "Server-Timing") ==
          "queue;dur=1000.0, cold;dur=2000.0, run;dur=0.0");
}

TEST_CASE("serve: a busy pod's refusal costs nothing but time", "[activator]") {
    ActivatorFixture f;
    auto& busy = f.add_pod("sd-a");
    const auto client = f.say(post("abc"));
    f.until_requests(busy, 1);
    f.until([&] { return contains(busy.script.got(), "\r\n\r\nabc"); });
    auto& free = f.add_pod("sd-b");
    busy.refuse();
    f.until([&] { return contains(free.script.got(), "\r\n\r\nabc"); });
    free.answer();
    const std::string answer = f.answer_to(*client);
    CHECK(status_of(answer) == 200);
    CHECK(field_of(answer, "Sluice-Pod") == "sd-b");
    CHECK(f.doubted.empty());
    f.until_finished(1);
    CHECK(f.records[0].dispatches == 2);
    CHECK(f.router.view(f.id).running == 0);
}

TEST_CASE("serve: an older request that was refused goes before a younger one", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto old = f.say("GET /old HTTP/1.1\r\nHost: h\r\n\r\n");
    f.until_requests(pod, 1);
    const auto young = f.say("GET /young HTTP/1.1\r\nHost: h\r\n\r\n");
    pod.refuse();
    f.until([&] { return f.router.view(f.id).waiting == 2; });
    f.time.advance(milliseconds(60));
    f.until_requests(pod, 2);
    CHECK_FALSE(contains(pod.script.got(), "/young"));
    pod.answer();
    CHECK(status_of(f.answer_to(*old)) == 200);
    f.until_requests(pod, 3);
    pod.answer();
    CHECK(status_of(f.answer_to(*young)) == 200);
}

struct KeptReservations : Reservations {
    void reserve(PodId pod) override { reserved.push_back(pod); }
    void changed() override {}
    void give_back(const SlotGrant& grant) override { given_back.push_back(grant.number); }
    std::vector<PodId> reserved;
    std::vector<std::uint32_t> given_back;
};

TEST_CASE("serve: a request that a busy pod refused goes with the slot that is granted",
          "[activator]") {
    ActivatorFixture f;
    KeptReservations reservations;
    f.router.leave_reservations_with(&reservations);
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(post("abc"));
    f.until([&] { return contains(pod.script.got(), "\r\n\r\nabc"); });
    CHECK_FALSE(contains(pod.script.got(), "Sluice-Grant"));
    pod.refuse();
    f.until([&] { return f.router.view(f.id).waiting == 1; });
    CHECK(reservations.reserved == std::vector<PodId>{pod.id});
    f.time.advance(seconds(10));
    CHECK(pod.requests() == 1);  // nothing is tried
    const SlotGrant grant{pod.id, 7, 3};
    CHECK(f.router.grant(grant));
    f.until_requests(pod, 2);
    CHECK(contains(pod.script.got(), "Sluice-Try: 1\r\nSluice-Grant: 7\r\n"));
    CHECK_FALSE(f.router.grant(grant));
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
    f.until_finished(1);
    CHECK(reservations.given_back.empty());
    f.router.leave_reservations_with(nullptr);
}

TEST_CASE("serve: a granted slot whose pod cannot be reached is given back", "[activator]") {
    ActivatorFixture f;
    KeptReservations reservations;
    f.router.leave_reservations_with(&reservations);
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(plain_get);
    f.until_requests(pod, 1);
    pod.refuse();
    f.until([&] { return f.router.view(f.id).waiting == 1; });
    f.pool->clear();
    pod.script.stop_listening();
    CHECK(f.router.grant({pod.id, 7, 3}));
    f.until([&] { return !f.doubted.empty(); });
    CHECK(reservations.given_back == std::vector<std::uint32_t>{3});
    client->end();
    f.until_finished(1);
    f.router.leave_reservations_with(nullptr);
}

TEST_CASE("serve: a pod that cannot be reached, or says its app cannot", "[activator]") {
    ActivatorFixture f;
    auto& dead = f.add_pod("sd-a");
    const bool refuses = GENERATE(false, true);
    if (refuses) dead.script.stop_listening();
    const auto client = f.say(post("abc"));
    if (!refuses) {
        f.until([&] { return contains(dead.script.got(), "\r\n\r\nabc"); });
        dead.refuse("unreachable");
    }
    f.until([&] { return !f.doubted.empty(); });
    CHECK(f.doubted == std::vector<PodId>{dead.id});
    auto& alive = f.add_pod("sd-b");
    f.until([&] { return contains(alive.script.got(), "\r\n\r\nabc"); });
    alive.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
}

// --- What may have started.

TEST_CASE("serve: a POST whose pod broke is not repeated", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    auto& other = f.add_pod("sd-b");
    const auto client = f.say(post("abc"));
    f.until([&] { return contains(pod.script.got(), "\r\n\r\nabc"); });
    SECTION("its connection ended") {
        pod.last().close();
    }
    SECTION("its queue-proxy says that the application broke off") {
        pod.last().say(
            "HTTP/1.1 502 Bad Gateway\r\nSluice-Error: lost\r\nContent-Length: 0\r\n\r\n");
    }
    const std::string answer = f.answer_to(*client);
    CHECK(status_of(answer) == 502);
    CHECK(field_of(answer, "Content-Type") == "application/problem+json");
    CHECK(contains(answer, "\"urn:sluice:problem:pod-failed\""));
    CHECK_FALSE(contains(answer, "127.0.0.1"));
    CHECK(other.script.count() == 0);
    CHECK(f.doubted == std::vector<PodId>{pod.id});
    f.until_finished(1);
    CHECK(f.records[0].status == 502);
}

TEST_CASE("serve: a lost POST runs again where that is said to be safe", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    const bool by_header = GENERATE(false, true);
    revision.knobs.retry_on_pod_loss = !by_header;
    ActivatorFixture f(std::move(revision));
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod("sd-b");
    const auto client = f.say(post("abc", by_header ? "Idempotency-Key: 1\r\n" : ""));
    f.until([&] { return contains(a.script.got(), "\r\n\r\nabc"); });
    a.last().close();
    f.until([&] { return contains(b.script.got(), "\r\n\r\nabc"); });
    SECTION("and answers") {
        b.answer();
        CHECK(status_of(f.answer_to(*client)) == 200);
        f.until_finished(1);
        CHECK(f.records[0].dispatches == 2);
    }
    SECTION("but two more times at most") {
        auto& c = f.add_pod("sd-c");
        b.last().close();
        f.until([&] { return contains(c.script.got(), "\r\n\r\nabc"); });
        auto& d = f.add_pod("sd-d");
        c.last().close();
        CHECK(status_of(f.answer_to(*client)) == 502);
        CHECK(d.script.count() == 0);
    }
    SECTION("but not once its answer has begun") {
        b.last().say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
        f.until([&] { return contains(client->received(), "part"); });
        b.last().close();
        f.until([&] { return client->closed(); });
        CHECK(client->was_reset());  // a broken message, never a short one that looks whole
    }
}

TEST_CASE("serve: a GET on a kept connection that had died is sent anew", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(plain_get);
    f.until_requests(pod, 1);
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
    const bool get = GENERATE(true, false);
    client->send(get ? plain_get : post("abc"));
    f.until_requests(pod, 2);
    REQUIRE(pod.script.count() == 1);
    pod.last().close();
    if (get) {
        f.until([&] { return pod.script.count() == 2 && pod.requests() == 3; });
        CHECK(f.doubted.empty());
        pod.answer();
        CHECK(status_of(f.answer_to(*client)) == 200);
    } else {
        CHECK(status_of(f.answer_to(*client)) == 502);
        CHECK(pod.script.count() == 1);
    }
}

// --- Bodies that cannot be kept.

TEST_CASE("serve: a long body stays with its client until the pod has taken it", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.replay_bytes = 10;
    ActivatorFixture f(std::move(revision));
    auto& busy = f.add_pod("sd-a");
    const std::string body(5000, 'b');
    const bool chunked = GENERATE(false, true);
    const std::string request =
        chunked ? "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" +
                      body + "\r\n0\r\n\r\n"
                : post(body);
    const auto client = f.say(request);
    f.until_requests(busy, 1);
    CHECK(contains(busy.script.got(), "\r\nExpect: 100-continue\r\n"));
    CHECK(contains(busy.script.got(), "\r\nSluice-Body: held\r\n"));
    CHECK(busy.script.got().ends_with("\r\n\r\n"));
    auto& free = f.add_pod("sd-b");
    busy.refuse();
    f.until_requests(free, 1);
    CHECK_FALSE(contains(busy.script.got(), "bbb"));
    CHECK_FALSE(contains(free.script.got(), "bbb"));
    free.last().say("HTTP/1.1 100 Continue\r\n\r\n");
    f.until([&] {
        const std::string got = free.script.got();
        return std::count(got.begin(), got.end(), 'b') >= 5000;
    });
    free.answer();
    const std::string answer = f.answer_to(*client);
    CHECK(status_of(answer) == 200);              // the client did not ask for a 100 and gets none
    CHECK(f.router.take_replay_bytes(32 << 20));  // all was given back
}

TEST_CASE("serve: a pod that never says 100 gets the body after a second", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.replay_bytes = 0;
    ActivatorFixture f(std::move(revision));
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(post("abc"));
    f.until_requests(pod, 1);
    f.time.advance(milliseconds(999));
    CHECK_FALSE(contains(pod.script.got(), "abc"));
    f.time.advance(milliseconds(1));
    f.until([&] { return contains(pod.script.got(), "abc"); });
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
}

TEST_CASE("serve: no 100 Continue before a pod is assigned", "[activator]") {
    ActivatorFixture f;
    const auto client =
        f.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    f.time.advance(seconds(30));
    CHECK(client->received().empty());
    auto& pod = f.add_pod("sd-a");
    f.until_requests(pod, 1);
    CHECK(client->received().empty());
    pod.last().say("HTTP/1.1 100 Continue\r\n\r\n");
    f.until([&] { return contains(client->received(), "100 Continue"); });
    client->send("abc");
    f.until([&] { return contains(pod.script.got(), "abc"); });
    pod.answer();
    f.until([&] { return contains(client->received(), "200 OK"); });
    f.until_finished(1);
}

TEST_CASE("serve: when no memory is left for replay a body is sent once only", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.retry_on_pod_loss = true;
    Limits bounds;
    bounds.queue_bytes = 4000;
    ActivatorFixture f(std::move(revision), bounds);
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod("sd-b");
    const auto client = f.say(post(std::string(3000, 'b')));
    f.until([&] { return contains(a.script.got(), "bbb"); });
    a.last().close();
    CHECK(status_of(f.answer_to(*client)) == 502);
    CHECK(b.script.count() == 0);
}

// --- Answers of our own.

TEST_CASE("serve: no such service, a closed path, a full queue", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.deny_paths.push_back({"", "/admin", false});
    revision.knobs.queue_limit = 1;
    ActivatorFixture f(std::move(revision));
    Revision other = ActivatorFixture::plain_revision();
    other.service = "other";
    f.add_revision(std::move(other));
    std::string answer = f.answer_to(*f.say("GET / HTTP/1.1\r\nHost: nobody.default\r\n\r\n"));
    CHECK(status_of(answer) == 404);
    CHECK(contains(answer, "urn:sluice:problem:no-such-service"));
    answer = f.answer_to(*f.say("GET /admin HTTP/1.1\r\nHost: sd.default\r\n\r\n"));
    CHECK(status_of(answer) == 403);
    CHECK(contains(answer, "urn:sluice:problem:path-denied"));
    const auto waiting = f.say("GET / HTTP/1.1\r\nHost: sd.default\r\n\r\n");
    answer = f.answer_to(*f.say("GET / HTTP/1.1\r\nHost: sd.default\r\n\r\n"));
    CHECK(status_of(answer) == 503);
    CHECK(contains(answer, "urn:sluice:problem:queue-full"));
    CHECK_FALSE(field_of(answer, "Retry-After").empty());
    CHECK(f.records.back().ended_by == EndedBy::queue);
    waiting->end();
    f.until_finished(4);
}

TEST_CASE("serve: several services by host, without case", "[activator]") {
    ActivatorFixture f;
    Revision other = ActivatorFixture::plain_revision();
    other.service = "other";
    const RevisionId second = f.add_revision(std::move(other));
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod_to(second, "other-a");
    const auto one = f.say("GET / HTTP/1.1\r\nHost: SD.Default.example:8080\r\n\r\n");
    const auto two = f.say("GET / HTTP/1.1\r\nHost: other\r\n\r\n");
    f.until_requests(a, 1);
    f.until_requests(b, 1);
    a.answer();
    b.answer();
    CHECK(field_of(f.answer_to(*one), "Sluice-Pod") == "sd-a");
    CHECK(field_of(f.answer_to(*two), "Sluice-Pod") == "other-a");
}

TEST_CASE("serve: clients at the edge do not speak our language", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(
        "GET / HTTP/1.1\r\nHost: h\r\nsluice-try: 7\r\nK-Network-Probe: queue\r\n"
        "K-Kubelet-Probe: 1\r\nK-Original-Host: evil\r\nKnative-Serving-Revision: r\r\n"
        "Connection: close, X-Foo\r\nX-Foo: 1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n");
    f.until_requests(pod, 1);
    const std::string got = pod.script.got();
    CHECK_FALSE(contains(got, "sluice-try"));
    CHECK_FALSE(contains(got, "Probe"));
    CHECK_FALSE(contains(got, "evil"));
    CHECK_FALSE(contains(got, "Knative"));
    CHECK_FALSE(contains(got, "X-Foo"));
    CHECK(contains(got, "X-Forwarded-For: 1.2.3.4, 10.1.1.1\r\n"));
    CHECK(contains(got, "K-Original-Host: h\r\n"));
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
    f.until_finished(1);
    CHECK(f.router.view(f.id).running == 0);
}

TEST_CASE("serve: the control lane needs no slot and goes to the session's pod", "[activator]") {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.control_paths.push_back({"", "/progress", false});
    revision.knobs.affinity.enabled = true;
    revision.knobs.affinity.cookie_name = "sd";
    ActivatorFixture f(std::move(revision));
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod("sd-b");
    const auto job = f.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    f.until_requests(a, 1);
    const std::string pinned_to_a = f.cookies.issue(
        "default/sd", {pod_tag("default/sd", "sd-a"), f.time.wall_now(), f.time.wall_now()});
    const auto control =
        f.say("GET /progress?x HTTP/1.1\r\nHost: h\r\nCookie: k=v; sd=" + pinned_to_a + "\r\n\r\n");
    f.until_requests(a, 2);
    CHECK(contains(a.script.got(), "Cookie: k=v\r\n"));
    CHECK(b.script.count() == 0);
    a.last().say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(status_of(f.answer_to(*control)) == 200);
    a.script[0].say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const std::string answer = f.answer_to(*job);
    CHECK(field_of(answer, "Set-Cookie").starts_with("sd="));
    f.until_finished(2);
    CHECK(f.router.view(f.id).controls == 0);
}

TEST_CASE("serve: a WebSocket holds its slot until it is closed", "[activator]") {
    ActivatorFixture f;
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(
        "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\n\r\n");
    f.until_requests(pod, 1);
    pod.last().say(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\n\r\nhello");
    f.until([&] { return contains(client->received(), "hello"); });
    client->send("there");
    f.until([&] { return contains(pod.script.got(), "there"); });
    CHECK(f.router.view(f.id).running == 1);
    SECTION("by its client") {
        client->end();
        f.until([&] { return pod.last().ended; });
        pod.last().close();
    }
    SECTION("by its pod") {
        pod.last().close();
        client->end();
    }
    SECTION("by the revision's timeout") {
        f.time.advance(seconds(300));
        CHECK(client->was_reset());
        pod.last().close();
    }
    f.until_finished(1);
    f.until([&] { return f.router.view(f.id).running == 0; });
}

}  // namespace
}  // namespace activator
