// A session's way from a cookie to a pod and back.
#pragma once

#include <optional>
#include <string>

#include "activator/revision.hpp"
#include "activator/router.hpp"
#include "activator/session_cookie.hpp"
#include "common/http/head.hpp"

namespace activator {

struct RequestRecord;

struct Affinity {
    std::optional<Session> session;    // a good cookie came with the request
    std::optional<std::uint64_t> key;  // or the header named one (sluice.dev/affinity-header)
    std::optional<PodId> pinned;       // its pod is still there
    bool rejected = false;             // a cookie came, and none of them is good
};

// Forged, foreign, expired and garbage cookies count as none. Where the request has the affinity
// header, the cookie does not count.
Affinity find_affinity(const Revision& revision, const common::RequestHead& head,
                       const SessionCookies& cookies, const Router& router, WallTime now);

// The pod that the session belongs to after an answer from `served`: its own as long as that one
// stays (a request whose patience ended may have been served elsewhere), else `served`.
const Pod& session_pod(const Affinity& affinity, const Pod& served, const Router& router);

// Names a session in counts: the same for all its requests on one pod, never 0.
std::uint64_t session_id(PodTag pod, WallTime first_issued);

// For the counts of sessions: whether this one, answered by `served`, was at home there, and what
// it is called from now on.
void note_session(RequestRecord& record, const Affinity& affinity, const Pod& served,
                  const Pod& home, WallTime now);

// The Set-Cookie text that pins the session to `pod`, if the client needs one: it has no session,
// the session moved to another pod, or half of its idle time has passed.
std::optional<std::string> renew_cookie(const Revision& revision, const Affinity& affinity,
                                        const Pod& pod, const SessionCookies& cookies, WallTime now,
                                        bool secure);

}  // namespace activator
