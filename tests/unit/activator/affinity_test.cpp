// Sessions over the wire: the cookie that is set, refreshed, moved, planted; the header instead.
#include "activator/affinity.hpp"

#include <catch2/catch.hpp>

#include "common/http/cookies.hpp"
#include "tests/support/activator_fixture.hpp"

namespace activator {
namespace {

using std::chrono::seconds;

Revision sticky_revision() {
    Revision revision = ActivatorFixture::plain_revision();
    revision.knobs.affinity.enabled = true;
    revision.knobs.affinity.cookie_name = "sd";
    return revision;
}

struct Sessions : ActivatorFixture {
    explicit Sessions(Revision revision = sticky_revision())
        : ActivatorFixture(std::move(revision)) {}

    std::string cookie_of(const std::string& pod, WallTime issued) const {
        return cookies.issue("default/sd", {pod_tag("default/sd", pod), issued, issued});
    }
    // One exchange, answered by whichever pod gets it; returns the answer.
    std::string ask(std::vector<PodEnd*> pods, std::string_view more) {
        std::size_t before = 0;
        for (PodEnd* pod : pods)
            before += pod->requests();
        const auto client = say("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n");
        PodEnd* got = nullptr;
        std::vector<std::size_t> counts;
        until([&] {
            std::size_t now = 0;
            for (PodEnd* pod : pods)
                now += pod->requests();
            return now > before;
        });
        for (PodEnd* pod : pods) {
            if (pod->script.count() > 0 && router.pod_view(pod->id)->in_flight > 0) got = pod;
        }
        REQUIRE(got != nullptr);
        got->answer();
        return answer_to(*client);
    }
    // The session in a Set-Cookie field.
    std::optional<Session> session_in(const std::string& answer) {
        const std::string set = field_of(answer, "Set-Cookie");
        if (!set.starts_with("sd=")) return std::nullopt;
        const std::string value = set.substr(3, set.find(';') - 3);
        return cookies.verify("default/sd", value, {}, time.wall_now());
    }
};

TEST_CASE("affinity: a client without a session gets one, and returns", "[activator]") {
    Sessions f;
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod("sd-b");
    const std::string first = f.ask({&a, &b}, "Cookie: app=1\r\n");
    CHECK(field_of(first, "Sluice-Pod") == "sd-a");
    CHECK(
        field_of(first, "Set-Cookie").ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=1800"));
    const auto session = f.session_in(first);
    REQUIRE(session);
    CHECK(session->pod == pod_tag("default/sd", "sd-a"));

    const std::string to_b = f.cookie_of("sd-b", f.time.wall_now());
    const std::string second = f.ask({&a, &b}, "Cookie: app=1; sd=" + to_b + "\r\n");
    CHECK(field_of(second, "Sluice-Pod") == "sd-b");
    CHECK(field_of(second, "Set-Cookie").empty());
    CHECK(contains(b.script.got(), "\r\nCookie: app=1\r\n"));
    CHECK_FALSE(contains(b.script.got(), "sd="));
    // No address in what the client gets.
    CHECK_FALSE(contains(first, std::to_string(a.script.address().port)));
    CHECK(f.router.pod_view(b.id)->sessions_live_until == f.time.now() + seconds(1800));
}

TEST_CASE("affinity: refreshed once half of its time has passed", "[activator]") {
    Sessions f;
    auto& a = f.add_pod("sd-a");
    const WallTime now = f.time.wall_now();
    const std::string young = f.cookie_of("sd-a", now - seconds(899));
    CHECK(field_of(f.ask({&a}, "Cookie: sd=" + young + "\r\n"), "Set-Cookie").empty());
    const std::string old = f.cookie_of("sd-a", now - seconds(900));
    const auto renewed = f.session_in(f.ask({&a}, "Cookie: sd=" + old + "\r\n"));
    REQUIRE(renewed);
    CHECK(renewed->first_issued == now - seconds(900));
    CHECK(renewed->issued == now);
}

TEST_CASE("affinity: bad cookies count as none and are replaced", "[activator]") {
    Sessions f;
    auto& a = f.add_pod("sd-a");
    const std::string expired = f.cookie_of("sd-a", f.time.wall_now() - seconds(1801));
    for (const std::string& bad : {std::string("garbage"), std::string(), expired}) {
        const std::string answer = f.ask({&a}, "Cookie: sd=" + bad + "\r\n");
        const auto session = f.session_in(answer);
        REQUIRE(session);
        CHECK(session->first_issued == f.time.wall_now());
    }
    CHECK_FALSE(contains(a.script.got(), "Cookie"));
}

TEST_CASE("affinity: a planted second cookie does not push the good one out", "[activator]") {
    Sessions f;
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod("sd-b");
    const std::string good = f.cookie_of("sd-b", f.time.wall_now());
    const std::string answer = f.ask({&a, &b}, "Cookie: sd=planted; sd=" + good + "\r\n");
    CHECK(field_of(answer, "Sluice-Pod") == "sd-b");
    CHECK(field_of(answer, "Set-Cookie").empty());
}

TEST_CASE("affinity: the session of a gone or draining pod moves", "[activator]") {
    Sessions f;
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod("sd-b");
    const std::string to_a = f.cookie_of("sd-a", f.time.wall_now() - seconds(10));
    if (GENERATE(false, true)) {
        f.router.drain_pod(a.id);
    } else {
        f.router.remove_pod(a.id);
    }
    const auto client = f.say("GET / HTTP/1.1\r\nHost: h\r\nCookie: sd=" + to_a + "\r\n\r\n");
    f.until_requests(b, 1);
    b.answer();
    const auto moved = f.session_in(f.answer_to(*client));
    REQUIRE(moved);
    CHECK(moved->pod == pod_tag("default/sd", "sd-b"));
    CHECK(moved->first_issued == f.time.wall_now() - seconds(10));
}

TEST_CASE("affinity: patience over, another pod serves and the pin stays", "[activator]") {
    Revision revision = sticky_revision();
    revision.knobs.affinity_patience = seconds(3);
    Sessions f(std::move(revision));
    auto& a = f.add_pod("sd-a");
    const auto running = f.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    f.until_requests(a, 1);
    auto& b = f.add_pod("sd-b");
    const std::string to_a = f.cookie_of("sd-a", f.time.wall_now() - seconds(1000));
    const auto client = f.say("GET / HTTP/1.1\r\nHost: h\r\nCookie: sd=" + to_a + "\r\n\r\n");
    CHECK(b.script.count() == 0);
    f.time.advance(seconds(3));
    f.until_requests(b, 1);
    b.answer();
    const std::string answer = f.answer_to(*client);
    CHECK(field_of(answer, "Sluice-Pod") == "sd-b");
    const auto kept = f.session_in(answer);  // old enough to be refreshed
    REQUIRE(kept);
    CHECK(kept->pod == pod_tag("default/sd", "sd-a"));
    CHECK(f.router.pod_view(b.id)->sessions_live_until == Instant{});
    a.answer();
    CHECK(status_of(f.answer_to(*running)) == 200);
}

TEST_CASE("affinity: the lifetime ends a session however busy it is", "[activator]") {
    Revision revision = sticky_revision();
    revision.knobs.affinity_lifetime = seconds(2000);
    Sessions f(std::move(revision));
    auto& a = f.add_pod("sd-a");
    Session session{pod_tag("default/sd", "sd-a"), f.time.wall_now() - seconds(1500),
                    f.time.wall_now() - seconds(1000)};
    std::string answer =
        f.ask({&a}, "Cookie: sd=" + f.cookies.issue("default/sd", session) + "\r\n");
    CHECK(contains(field_of(answer, "Set-Cookie"), "Max-Age=500"));
    session.first_issued = f.time.wall_now() - seconds(2001);
    answer = f.ask({&a}, "Cookie: sd=" + f.cookies.issue("default/sd", session) + "\r\n");
    const auto fresh = f.session_in(answer);
    REQUIRE(fresh);
    CHECK(fresh->first_issued == f.time.wall_now());
}

TEST_CASE("affinity: a header's value in place of the cookie", "[activator]") {
    Revision revision = sticky_revision();
    revision.knobs.affinity_header = "X-Session";
    Sessions f(std::move(revision));
    auto& a = f.add_pod("sd-a");
    auto& b = f.add_pod("sd-b");
    auto& c = f.add_pod("sd-c");
    std::map<std::string, std::string> home;
    std::map<std::string, int> load;
    for (int round = 0; round < 3; ++round) {
        for (int key = 0; key < 12; ++key) {
            const std::string name = "user-" + std::to_string(key);
            const std::string answer = f.ask({&a, &b, &c}, "x-session: " + name + "\r\n");
            const std::string pod = field_of(answer, "Sluice-Pod");
            CHECK(field_of(answer, "Set-Cookie").empty());
            if (round == 0) home[name] = pod;
            CHECK(home[name] == pod);
            ++load[pod];
        }
    }
    CHECK(load.size() == 3);
    // Without the header the cookie counts.
    CHECK_FALSE(field_of(f.ask({&a, &b, &c}, ""), "Set-Cookie").empty());
}

}  // namespace
}  // namespace activator
