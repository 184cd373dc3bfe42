#include "activator/session_cookie.hpp"

#include <utility>

#include "common/core/check.hpp"
#include "common/crypto/hmac.hpp"

namespace activator {
namespace {

using std::chrono::seconds;

constexpr char version = 1;
constexpr std::size_t payload_bytes = 1 + 8 + 4 + 4;
constexpr std::size_t mac_bytes = 16;
constexpr std::size_t key_bytes_min = 16;
// A clock that runs a little ahead on another activator does not make a session void.
constexpr seconds clock_skew_max{60};

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        out += static_cast<char>(value >> shift & 255);
}

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes)
        value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

std::uint64_t unix_seconds(WallTime t) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<seconds>(t.time_since_epoch()).count());
}

WallTime from_unix_seconds(std::uint64_t value) {
    return WallTime(seconds(static_cast<std::int64_t>(value)));
}

std::string mac(std::string_view key, std::string_view service, std::string_view payload) {
    std::string message = "sluice session 1\n";
    message += service;
    message += '\n';
    message += payload;
    const common::Sha256 digest = common::hmac_sha256(key, message);
    return std::string(reinterpret_cast<const char*>(digest.data()), mac_bytes);
}

}  // namespace

PodTag pod_tag(std::string_view service, std::string_view pod_name) {
    std::string message(service);
    message += '\n';
    message += pod_name;
    // Not a secret: pod names are random, and the tag is only ever seen inside a signed value.
    const common::Sha256 digest = common::hmac_sha256("sluice pod tag 1", message);
    return big_endian({reinterpret_cast<const char*>(digest.data()), 8});
}

SessionCookies::SessionCookies(std::vector<std::string> keys) : keys_(std::move(keys)) {
    CHECK(!keys_.empty());
    for (const std::string& key : keys_)
        CHECK(key.size() >= key_bytes_min);
}

std::string SessionCookies::issue(std::string_view service, const Session& session) const {
    std::string value(1, version);
    append_big_endian(value, session.pod, 8);
    append_big_endian(value, unix_seconds(session.first_issued), 4);
    append_big_endian(value, unix_seconds(session.issued), 4);
    value += mac(keys_.front(), service, value);
    return common::base64url_encode(value);
}

std::optional<Session> SessionCookies::verify(std::string_view service, std::string_view value,
                                              const SessionLimits& limits, WallTime now) const {
    const std::optional<std::string> bytes = common::base64url_decode(value);
    if (!bytes || bytes->size() != payload_bytes + mac_bytes || bytes->front() != version)
        return std::nullopt;
    const std::string_view payload = std::string_view(*bytes).substr(0, payload_bytes);
    const std::string_view signature = std::string_view(*bytes).substr(payload_bytes);
    bool authentic = false;
    for (const std::string& key : keys_) {
        const std::string expected = mac(key, service, payload);
        if (common::equal_in_constant_time(signature, expected)) authentic = true;
    }
    if (!authentic) return std::nullopt;

    Session session;
    session.pod = big_endian(payload.substr(1, 8));
    session.first_issued = from_unix_seconds(big_endian(payload.substr(9, 4)));
    session.issued = from_unix_seconds(big_endian(payload.substr(13, 4)));
    if (session.issued > now + clock_skew_max || now - session.issued > limits.idle)
        return std::nullopt;
    if (limits.lifetime && now - session.first_issued > *limits.lifetime) return std::nullopt;
    return session;
}

std::string set_cookie_text(std::string_view name, std::string_view value, seconds max_age,
                            bool secure) {
    std::string text(name);
    text += '=';
    text += value;
    text += "; Path=/; HttpOnly; SameSite=Lax; Max-Age=";
    text += std::to_string(max_age.count());
    if (secure) text += "; Secure";
    return text;
}

}  // namespace activator
