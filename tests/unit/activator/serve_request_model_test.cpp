// A request's model, on its way from the body or a header to the scheduler.
#include <catch2/catch.hpp>

#include "activator/model_reader.hpp"
#include "tests/support/activator_fixture.hpp"

namespace activator {
namespace {

using std::chrono::milliseconds;

Revision with_key(const std::string& key, std::uint64_t replay_bytes = 1 << 20) {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.model_key = key;
    revision.knobs.replay_bytes = replay_bytes;
    return revision;
}

std::string head(std::size_t length, std::string_view more = "") {
    return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(length) + "\r\n\r\n";
}

std::string post(std::string_view body) {
    return head(body.size()) + std::string(body);
}

ModelKey model_of(ActivatorFixture& f, ActivatorFixture::PodEnd& pod) {
    return f.router.pod_view(pod.id).value().model;
}

TEST_CASE("serve: the body's model goes to the pod that holds it, and the body arrives whole",
          "[activator]") {
    ActivatorFixture f(with_key("settings.model"));
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod("sd-b");
    const std::string first = R"({"settings":{"model":"one"}})";
    const std::string second = R"({"prompt":"x","settings":{"model":"two"},"steps":1})";
    const auto one = f.say(post(first));
    f.until_requests(a, 1);
    const auto two = f.say(post(second));
    f.until_requests(b, 1);
    CHECK(contains(a.script.got(), "\r\n\r\n" + first));
    CHECK(contains(b.script.got(), "\r\n\r\n" + second));
    a.answer();
    b.answer();
    CHECK(status_of(f.answer_to(*one)) == 200);
    CHECK(status_of(f.answer_to(*two)) == 200);
    CHECK(model_of(f, a) == model_key_of("one"));
    CHECK(model_of(f, b) == model_key_of("two"));
    const auto third = f.say(post(second));
    f.until_requests(b, 2);
    b.answer();
    CHECK(status_of(f.answer_to(*third)) == 200);
    f.until_finished(3);
}

TEST_CASE("serve: a header may name the model", "[activator]") {
    ActivatorFixture f(with_key("header:X-Model"));
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say("GET /x HTTP/1.1\r\nHost: h\r\nx-model: one\r\n\r\n");
    f.until_requests(pod, 1);
    CHECK(model_of(f, pod) == model_key_of("one"));
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
}

TEST_CASE("serve: a body that comes late is waited for, but not for long", "[activator]") {
    ActivatorFixture f(with_key("model"));
    auto& pod = f.add_pod("sd-a");
    const std::string body = R"({"model":"one"})";
    const auto client = f.say(head(body.size()) + body.substr(0, 5));
    f.time.advance(milliseconds(249));
    CHECK(pod.requests() == 0);
    SECTION("it comes in time") {
        client->send(body.substr(5));
        f.until_requests(pod, 1);
        CHECK(model_of(f, pod) == model_key_of("one"));
        f.until([&] { return contains(pod.script.got(), "\r\n\r\n" + body); });
    }
    SECTION("it does not: the request takes its place without") {
        f.time.advance(milliseconds(1));
        f.until_requests(pod, 1);
        CHECK(model_of(f, pod) == any_model);
        client->send(body.substr(5));
        f.until([&] { return contains(pod.script.got(), body.substr(5)); });
        CHECK(contains(pod.script.got(), "\r\n\r\n" + body));
    }
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
    f.until_finished(1);
}

TEST_CASE("serve: a client that leaves while its body is waited for is noticed", "[activator]") {
    ActivatorFixture f(with_key("model"));
    auto& pod = f.add_pod("sd-a");
    const auto client = f.say(head(100) + "{");
    f.time.advance(milliseconds(1));
    client->end();
    f.until_finished(1);
    CHECK(f.records[0].ended_by == RequestRecord::EndedBy::client);
    CHECK(pod.requests() == 0);
    CHECK(f.router.view(f.id).waiting == 0);
}

TEST_CASE("serve: its service is removed while its body is waited for", "[activator]") {
    ActivatorFixture f(with_key("model"));
    const auto client = f.say(head(100) + "{");
    f.time.advance(milliseconds(1));
    f.router.remove_revision(f.id);
    f.time.advance(milliseconds(249));
    CHECK(status_of(f.answer_to(*client)) == 404);
    f.until_finished(1);
    CHECK(f.records[0].status == 404);
    CHECK(f.records[0].turned == RequestRecord::Turned::revision_removed);
}

TEST_CASE("serve: beyond replay-bytes nothing is looked at, and the body arrives whole",
          "[activator]") {
    ActivatorFixture f(with_key("model", 16));
    auto& pod = f.add_pod("sd-a");
    const std::string body =
        R"({"prompt":"0123456789abcdef","more":[)" + std::string(200, ' ') + R"(],"model":"one"})";
    const auto client = f.say(head(body.size()) + body.substr(0, 100));
    f.until_requests(pod, 1);
    CHECK(model_of(f, pod) == any_model);
    // Held until the pod has taken the request: it is more than is kept.
    pod.last().say("HTTP/1.1 100 Continue\r\n\r\n");
    client->send(body.substr(100));
    f.until([&] { return contains(pod.script.got(), "\r\n\r\n" + body); });
    pod.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
}

TEST_CASE("serve: a refused request is sent again with the body that was looked into",
          "[activator]") {
    ActivatorFixture f(with_key("model"));
    auto& a = f.add_pod("sd-a");
    const std::string body = R"({"model":"one"})";
    const auto client = f.say(post(body));
    f.until_requests(a, 1);
    auto& b = f.add_pod("sd-b");
    a.refuse();
    f.until_requests(b, 1);
    f.until([&] { return contains(b.script.got(), "\r\n\r\n" + body); });
    b.answer();
    CHECK(status_of(f.answer_to(*client)) == 200);
}

}  // namespace
}  // namespace activator
