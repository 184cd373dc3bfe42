#include "activator/session_cookie.hpp"

#include <algorithm>
#include <utility>

#include "common/core/check.hpp"
#include "common/crypto/hmac.hpp"

namespace activator {
namespace {

using std::chrono::seconds;

constexpr char version = 1;
constexpr std::size_t key_bytes_min = 16;
// Genuine cookies that are remembered: browsers at work at one time. 80 KiB.
constexpr std::size_t genuine_places = 1024;
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

std::string mac(std::string_view key, std::string_view service, std::string_view payload,
                std::size_t bytes) {
    std::string message = "sluice session 1\n";
    message += service;
    message += '\n';
    message += payload;
    const common::Sha256 digest = common::hmac_sha256(key, message);
    return std::string(reinterpret_cast<const char*>(digest.data()), bytes);
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
    value += mac(keys_.front(), service, value, mac_bytes);
    return common::base64url_encode(value);
}

std::optional<Session> SessionCookies::verify(std::string_view service, std::string_view value,
                                              const SessionLimits& limits, WallTime now) const {
    const std::optional<std::string> bytes = common::base64url_decode(value);
    if (!bytes || bytes->size() != payload_bytes + mac_bytes || bytes->front() != version)
        return std::nullopt;
    if (!is_genuine(service, *bytes)) return std::nullopt;
    const std::string_view payload = std::string_view(*bytes).substr(0, payload_bytes);
    Session session;
    session.pod = big_endian(payload.substr(1, 8));
    session.first_issued = from_unix_seconds(big_endian(payload.substr(9, 4)));
    session.issued = from_unix_seconds(big_endian(payload.substr(13, 4)));
    if (session.issued > now + clock_skew_max || now - session.issued > limits.idle)
        return std::nullopt;
    if (limits.lifetime && now - session.first_issued > *limits.lifetime) return std::nullopt;
    return session;
}

bool SessionCookies::is_genuine(std::string_view service, std::string_view bytes) const {
    const std::string_view payload = bytes.substr(0, payload_bytes);
    const std::string_view signature = bytes.substr(payload_bytes);
    const std::size_t place = big_endian(signature.substr(0, 8)) % genuine_places;
    if (!genuine_.empty()) {
        const Genuine& known = genuine_[place];
        const std::string_view before(known.bytes.data(), known.bytes.size());
        // In constant time: how far a guess agrees with another browser's cookie stays untold.
        if (common::equal_in_constant_time(before, bytes) && known.service == service) return true;
    }
    bool genuine = false;
    for (const std::string& key : keys_) {
        const std::string expected = mac(key, service, payload, mac_bytes);
        if (common::equal_in_constant_time(signature, expected)) genuine = true;
    }
    if (!genuine) return false;
    genuine_.resize(genuine_places);
    genuine_[place].service = service;
    std::copy(bytes.begin(), bytes.end(), genuine_[place].bytes.begin());
    return true;
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
