#include "activator/answers.hpp"

#include <cstdio>
#include <utility>

namespace activator {
namespace {

// When a full queue is worth another try: a guess that keeps crowds apart, nothing more.
constexpr int retry_after_full_seconds = 5;

std::string seconds_text(Duration duration) {
    char text[32];
    std::snprintf(text, sizeof text, "%g s", common::to_seconds(duration));
    return text;
}

}  // namespace

Problem no_such_service(std::string_view host) {
    return {
        404,
        "no-such-service",
        "No service here has this host name",
        "Host \"" + std::string(host) + "\" names no service; the form is SERVICE.NAMESPACE.DOMAIN",
        {}};
}

Problem no_key(std::string detail) {
    return {401, "no-key", "A key is needed", std::move(detail), {}};
}

Problem path_denied() {
    return {403,
            "path-denied",
            "This path is closed",
            "the service's owner denies this path (sluice.dev/deny-paths)",
            {}};
}

Problem refused(Refusal refusal, const Revision& revision) {
    if (refusal == Refusal::unknown_revision) return no_such_service(revision.name);
    if (refusal == Refusal::bytes_full) {
        return {503, "queue-bytes-full", "Too many bytes are waiting",
                "the limit on bytes of waiting requests is reached (sluice.dev/queue-bytes)",
                retry_after_full_seconds};
    }
    return {503, "queue-full", "Too many requests are waiting",
            std::to_string(revision.knobs.queue_limit) +
                " requests wait already (sluice.dev/queue-limit)",
            retry_after_full_seconds};
}

Problem expired(ExpiryCause cause, const Revision& revision) {
    if (cause == ExpiryCause::cold_start_timeout) {
        return {504,
                "cold-start-timeout",
                "No pod became ready in time",
                "no pod was ready within " + seconds_text(revision.knobs.cold_start_timeout) +
                    " (sluice.dev/cold-start-timeout)",
                {}};
    }
    if (cause == ExpiryCause::revision_removed) {
        return {504,
                "revision-removed",
                "The revision was removed",
                "the revision was removed while the request waited",
                {}};
    }
    return {504,
            "queue-timeout",
            "No pod became free in time",
            "all pods were busy for " + seconds_text(policy_of(revision).queue_timeout) +
                " (sluice.dev/queue-timeout)",
            {}};
}

Problem cancelled() {
    return {503,
            "cancelled",
            "The request was cancelled",
            "somebody cancelled the request on the admin page while it waited; no pod has seen it",
            {}};
}

Problem shutting_down() {
    return {503,
            "shutting-down",
            "This server is about to end",
            "the request waited for a pod and had not started; it can be sent again",
            {}};
}

Problem run_timeout(common::RelayTimeout which, const Revision& revision) {
    if (which == common::RelayTimeout::response_start) {
        return {504,
                "response-start-timeout",
                "The application did not begin its answer in time",
                "no answer began within the revision's responseStartTimeoutSeconds, " +
                    seconds_text(revision.response_start_timeout),
                {}};
    }
    if (which == common::RelayTimeout::idle) {
        return {504,
                "idle-timeout",
                "The application fell silent",
                "nothing came within the revision's idleTimeoutSeconds, " +
                    seconds_text(revision.idle_timeout),
                {}};
    }
    return {504,
            "run-timeout",
            "The application did not answer in time",
            "no complete answer within the revision's timeoutSeconds, " +
                seconds_text(revision.timeout),
            {}};
}

Problem pod_failed(std::string detail) {
    return {502, "pod-failed", "The pod failed while it had the request", std::move(detail), {}};
}

}  // namespace activator
