// The session cookie: which pod a browser belongs to, signed and opaque.
//
// Nothing is stored on our side: every activator with the key honours a cookie, and a restart
// forgets none. The value is base64url of: version (1 byte), pod tag (8), first issue (4), this
// issue (4), MAC (16). Times are unix seconds; the MAC is HMAC-SHA-256 over the rest and the
// service's name, cut to 128 bits, so a cookie of another service, or one that somebody made up,
// counts as none. The pod tag is a hash of the pod's name: no address leaves the house, and a pod
// that is gone resolves to nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/time.hpp"

namespace activator {

using common::WallTime;

using PodTag = std::uint64_t;

struct Session {
    PodTag pod = 0;
    WallTime first_issued{};
    WallTime issued{};
};

struct SessionLimits {
    std::chrono::seconds idle{1800};               // cookie-timeout
    std::optional<std::chrono::seconds> lifetime;  // sluice.dev/affinity-lifetime: absolute
};

// The tag of a pod, equal in every activator.
PodTag pod_tag(std::string_view service, std::string_view pod_name);

class SessionCookies {
  public:
    // The first key signs, all verify (rotation). REQUIRES: at least one key, none shorter than 16
    // bytes.
    explicit SessionCookies(std::vector<std::string> keys);

    // REQUIRES: as above.
    void replace_keys(std::vector<std::string> keys) {
        keys_ = std::move(keys);
        genuine_.clear();
    }

    // The cookie's value. `service` is "namespace/name".
    std::string issue(std::string_view service, const Session& session) const;
    // Empty unless the value is one that we issued for `service` and that is still good at `now`.
    std::optional<Session> verify(std::string_view service, std::string_view value,
                                  const SessionLimits& limits, WallTime now) const;

  private:
    static constexpr std::size_t payload_bytes = 1 + 8 + 4 + 4;
    static constexpr std::size_t mac_bytes = 16;

    bool is_genuine(std::string_view service, std::string_view bytes) const;

    std::vector<std::string> keys_;
    // A browser sends its cookie with every request: those found genuine are remembered, each in
    // the one place that its MAC names. Empty before the first.
    struct Genuine {
        std::string service;
        std::array<char, payload_bytes + mac_bytes> bytes{};
    };
    mutable std::vector<Genuine> genuine_;
};

// "sd=…; Path=/; HttpOnly; SameSite=Lax; Max-Age=1800" (and "; Secure")
std::string set_cookie_text(std::string_view name, std::string_view value,
                            std::chrono::seconds max_age, bool secure);

}  // namespace activator
