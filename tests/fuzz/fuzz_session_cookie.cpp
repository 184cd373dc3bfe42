// Nobody makes up a session: whatever the value, it is good only if we issued exactly it. First
// byte: bits of a good value to flip; the rest: a value as it came.
#include <array>
#include <string>

#include "activator/session_cookie.hpp"
#include "common/crypto/hmac.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using activator::SessionCookies;
using std::chrono::seconds;

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const SessionCookies cookies(
        {"first key, 32 bytes or so long..", "the key before that one....."});
    const SessionCookies old({"the key before that one....."});
    const activator::WallTime now(seconds(1'700'000'000));
    activator::SessionLimits limits;

    const std::size_t bit = input.byte();
    const std::string_view value = input.rest();
    HOLDS(!cookies.verify("default/sd", value, limits, now));

    const auto decoded = common::base64url_decode(value);
    if (decoded) HOLDS(common::base64url_encode(*decoded) == value);
    const auto back = common::base64url_decode(common::base64url_encode(value));
    HOLDS(back && *back == value);

    activator::Session session;
    for (const char c : value.substr(0, 8))
        session.pod = session.pod << 8 | static_cast<unsigned char>(c);
    session.first_issued = now - seconds(bit);
    session.issued = now;
    const std::string good = old.issue("default/sd", session);
    const auto read = cookies.verify("default/sd", good, limits, now);
    HOLDS(read && read->pod == session.pod && read->first_issued == session.first_issued);
    HOLDS(!cookies.verify("default/other", good, limits, now));
    HOLDS(!cookies.verify("default/sd", good, limits, now + limits.idle + seconds(1)));

    std::string bytes = *common::base64url_decode(good);
    bytes[bit / 8 % bytes.size()] ^= static_cast<char>(1U << bit % 8);
    HOLDS(!cookies.verify("default/sd", common::base64url_encode(bytes), limits, now));
    return 0;
}
