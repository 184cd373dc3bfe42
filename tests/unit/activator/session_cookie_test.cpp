// The signed session cookie: who made it, for which service, and how long it is good.
#include "activator/session_cookie.hpp"

#include <catch2/catch.hpp>

#include "common/crypto/hmac.hpp"

namespace activator {
namespace {

using std::chrono::seconds;

constexpr WallTime now{seconds(1'800'000'000)};
const std::string key_a = "0123456789abcdef-a";
const std::string key_b = "0123456789abcdef-b";
const std::string scope = "default/sd";

Session session_at(WallTime issued) {
    return {.pod = pod_tag(scope, "sd-00001-a"), .first_issued = issued, .issued = issued};
}

TEST_CASE("session cookie: what was issued verifies, with its times", "[activator]") {
    const SessionCookies cookies({key_a});
    Session session = session_at(now);
    session.first_issued = now - seconds(5000);
    const std::string value = cookies.issue(scope, session);
    const std::optional<Session> back = cookies.verify(scope, value, {}, now + seconds(1));
    REQUIRE(back);
    CHECK(back->pod == session.pod);
    CHECK(back->issued == now);
    CHECK(back->first_issued == now - seconds(5000));
    // Only characters that a cookie value may have (RFC 6265 4.1.1).
    CHECK(value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_") == std::string::npos);
}

TEST_CASE("session cookie: no changed bit, no cut, no extension verifies", "[activator]") {
    const SessionCookies cookies({key_a});
    const std::string value = cookies.issue(scope, session_at(now));
    for (std::size_t cut = 0; cut < value.size(); ++cut)
        CHECK_FALSE(cookies.verify(scope, value.substr(0, cut), {}, now));
    CHECK_FALSE(cookies.verify(scope, value + "A", {}, now));
    CHECK_FALSE(cookies.verify(scope, value + "=", {}, now));
    const std::string bytes = *common::base64url_decode(value);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string forged = bytes;
        forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << bit % 8));
        CHECK_FALSE(cookies.verify(scope, common::base64url_encode(forged), {}, now));
    }
    for (const std::string_view garbage : {"", "x", "a b", "AAAA", "%%%%", "\xff\xfe"})
        CHECK_FALSE(cookies.verify(scope, garbage, {}, now));
}

TEST_CASE("session cookie: one that was found genuine stays so for its service and key only",
          "[activator]") {
    SessionCookies cookies({key_a});
    const std::string value = cookies.issue(scope, session_at(now));
    const std::string bytes = *common::base64url_decode(value);
    for (int time = 0; time < 2; ++time) {
        REQUIRE(cookies.verify(scope, value, {}, now));
        CHECK_FALSE(cookies.verify("default/other", value, {}, now));
        CHECK_FALSE(cookies.verify(scope, value, {}, now + SessionLimits{}.idle + seconds(1)));
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            std::string forged = bytes;
            forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << bit % 8));
            CHECK_FALSE(cookies.verify(scope, common::base64url_encode(forged), {}, now));
        }
    }
    cookies.replace_keys({key_b});
    CHECK_FALSE(cookies.verify(scope, value, {}, now));
}

TEST_CASE("session cookie: of another service or another key it counts as none", "[activator]") {
    const std::string value = SessionCookies({key_a}).issue(scope, session_at(now));
    CHECK_FALSE(SessionCookies({key_a}).verify("default/other", value, {}, now));
    CHECK_FALSE(SessionCookies({key_b}).verify(scope, value, {}, now));
}

TEST_CASE("session cookie: the first key signs, all keys verify", "[activator]") {
    const SessionCookies before({key_a});
    const SessionCookies rotated({key_b, key_a});
    const SessionCookies after({key_b});
    CHECK(rotated.verify(scope, before.issue(scope, session_at(now)), {}, now));
    CHECK(after.verify(scope, rotated.issue(scope, session_at(now)), {}, now));
    CHECK_FALSE(after.verify(scope, before.issue(scope, session_at(now)), {}, now));
}

TEST_CASE("session cookie: idle time and lifetime end it", "[activator]") {
    const SessionCookies cookies({key_a});
    SessionLimits limits;
    limits.idle = seconds(1800);
    Session session = session_at(now);
    session.first_issued = now - seconds(3000);
    const std::string value = cookies.issue(scope, session);
    CHECK(cookies.verify(scope, value, limits, now + seconds(1800)));
    CHECK_FALSE(cookies.verify(scope, value, limits, now + seconds(1801)));
    limits.lifetime = seconds(3600);
    CHECK(cookies.verify(scope, value, limits, now + seconds(600)));
    CHECK_FALSE(cookies.verify(scope, value, limits, now + seconds(601)));
}

TEST_CASE("session cookie: a clock ahead by a minute is forgiven, by more is not", "[activator]") {
    const SessionCookies cookies({key_a});
    const std::string value = cookies.issue(scope, session_at(now));
    CHECK(cookies.verify(scope, value, {}, now - seconds(60)));
    CHECK_FALSE(cookies.verify(scope, value, {}, now - seconds(61)));
}

TEST_CASE("session cookie: the pod's tag depends on service and name only", "[activator]") {
    CHECK(pod_tag(scope, "a") == pod_tag(scope, "a"));
    CHECK(pod_tag(scope, "a") != pod_tag(scope, "b"));
    CHECK(pod_tag(scope, "a") != pod_tag("default/other", "a"));
}

TEST_CASE("session cookie: the Set-Cookie text", "[activator]") {
    CHECK(set_cookie_text("sd", "v", seconds(1800), false) ==
          "sd=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=1800");
    CHECK(set_cookie_text("sd", "v", seconds(60), true) ==
          "sd=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure");
}

}  // namespace
}  // namespace activator
