#include "activator/affinity.hpp"

#include <algorithm>

#include "activator/core/affinity_hash.hpp"
#include "activator/serve_request.hpp"
#include "common/http/cookies.hpp"

namespace activator {
namespace {

SessionLimits limits_of(const common::Knobs& knobs) {
    SessionLimits limits;
    limits.idle = knobs.affinity.timeout;
    if (knobs.affinity_lifetime)
        limits.lifetime = std::chrono::ceil<std::chrono::seconds>(*knobs.affinity_lifetime);
    return limits;
}

}  // namespace

Affinity find_affinity(const Revision& revision, const common::RequestHead& head,
                       const SessionCookies& cookies, const Router& router, WallTime now) {
    Affinity affinity;
    const std::string& header = revision.knobs.affinity_header;
    const std::string_view named = header.empty() ? "" : head.fields.get(header);
    if (!named.empty()) {
        affinity.key = stable_hash(named);
        affinity.pinned = router.pod_of_key(revision.id, *affinity.key);
        return affinity;
    }
    const common::CookieAffinity& knob = revision.knobs.affinity;
    if (!knob.enabled) return affinity;
    const SessionLimits limits = limits_of(revision.knobs);
    // A planted cookie beside the good one does not push it out.
    for (const std::string_view value : common::find_cookies(head.fields, knob.cookie_name)) {
        affinity.session = cookies.verify(revision.session_scope(), value, limits, now);
        affinity.rejected = !affinity.session;
        if (affinity.session) break;
    }
    if (affinity.session) affinity.pinned = router.find_pod(revision.id, affinity.session->pod);
    return affinity;
}

const Pod& session_pod(const Affinity& affinity, const Pod& served, const Router& router) {
    if (!affinity.pinned || !router.keeps_sessions(*affinity.pinned)) return served;
    return *router.pod(*affinity.pinned);
}

std::uint64_t session_id(PodTag pod, WallTime first_issued) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(first_issued.time_since_epoch());
    // Odd multiplier: different seconds of one pod never meet.
    return (pod ^ (static_cast<std::uint64_t>(seconds.count()) * 0x9E37'79B9'7F4A'7C15U)) | 1;
}

void note_session(RequestRecord& record, const Affinity& affinity, const Pod& served,
                  const Pod& home, WallTime now) {
    using Kind = RequestRecord::Session;
    record.session_pod = home.id;
    if (affinity.key) {
        record.session_id = *affinity.key | 1;
        record.session = !affinity.pinned                ? Kind::fresh
                         : *affinity.pinned == served.id ? Kind::hit
                                                         : Kind::moved;
        return;
    }
    if (!affinity.session) {
        record.session = affinity.rejected ? Kind::rejected : Kind::fresh;
        record.session_id = session_id(home.tag, now);
        return;
    }
    const Session& session = *affinity.session;
    record.session = session.pod == served.tag ? Kind::hit : Kind::moved;
    record.session_id = session_id(home.tag, session.first_issued);
    if (home.tag != session.pod)
        record.session_id_before = session_id(session.pod, session.first_issued);
}

std::optional<std::string> renew_cookie(const Revision& revision, const Affinity& affinity,
                                        const Pod& pod, const SessionCookies& cookies, WallTime now,
                                        bool secure) {
    const common::CookieAffinity& knob = revision.knobs.affinity;
    if (!knob.enabled || affinity.key) return std::nullopt;
    Session session;
    session.pod = pod.tag;
    session.first_issued = session.issued = now;
    if (affinity.session) {
        const bool same_pod = affinity.session->pod == pod.tag;
        const bool young = now - affinity.session->issued < knob.timeout / 2;
        if (same_pod && young) return std::nullopt;
        session.first_issued = affinity.session->first_issued;
    }
    std::chrono::seconds max_age = knob.timeout;
    const SessionLimits limits = limits_of(revision.knobs);
    if (limits.lifetime) {
        const auto age = std::chrono::floor<std::chrono::seconds>(now - session.first_issued);
        max_age = std::clamp(*limits.lifetime - age, std::chrono::seconds(0), max_age);
    }
    const std::string value = cookies.issue(revision.session_scope(), session);
    return set_cookie_text(knob.cookie_name, value, max_age, secure);
}

}  // namespace activator
