// The life of one request in the activator, top to bottom: find its revision, classify it, put it
// in line, wait, send it to the pod that the scheduler chose, and account for how it ended.
// finish() runs on every way out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "activator/front_door.hpp"
#include "activator/router.hpp"
#include "activator/session_cookie.hpp"
#include "common/async/task_group.hpp"
#include "common/forward/backend_pool.hpp"
#include "common/http/exchange.hpp"
#include "common/trace/request_trace.hpp"

namespace activator {

// How a request ended, for log and metrics.
struct RequestRecord {
    enum class EndedBy : std::uint8_t { pod, client, queue, timeout, activator };
    // Why the queue ended it (ended_by queue).
    enum class Turned : std::uint8_t {
        none,
        queue_full,
        bytes_full,
        shutting_down,
        cold_start_timeout,
        queue_timeout,
        revision_removed,
        cancelled
    };
    // Where a request that may have a session was answered.
    enum class Session : std::uint8_t { none, hit, moved, fresh, rejected };
    RequestId id;         // 0: it never stood in the line
    RevisionId revision;  // 0: none found
    std::string pod;
    PodId pod_id;    // 0: none
    int status = 0;  // 0: nothing was sent
    Duration wait{};
    Duration cold{};
    Duration run{};
    std::uint64_t response_bytes = 0;
    unsigned dispatches = 0;
    bool control = false;
    EndedBy ended_by = EndedBy::activator;
    Turned turned = Turned::none;
    bool left_pod = false;  // ended_by client: a pod had the request
    bool broken = false;    // the answer had begun and broke off
    Session session = Session::none;
    // The session after the answer, and the one before if it is another; 0: none.
    std::uint64_t session_id = 0;
    std::uint64_t session_id_before = 0;
    PodId session_pod;
    Instant arrived{};
    Instant ended{};
    Instant answer_began{};  // only if a pod's answer was passed on
    // Null, or while on_finished() runs: what is to be recorded of it.
    const common::RequestTrace* trace = nullptr;
};

// What all requests share; outlives them.
struct ServeContext {
    Router& router;
    common::BackendPool& pool;
    common::TaskGroup& tasks;
    common::TimeSource& time;
    const SessionCookies& cookies;
    FrontDoor door;
    // Which revision a request is for; empty: 404.
    std::function<std::optional<RevisionId>(const common::RequestHead&)> route;
    std::function<void(const common::Exchange&, const RequestRecord&)> on_finished;
    common::Tracer* tracer = nullptr;  // null: nothing is traced
};

common::awaitable<void> serve_request(common::Exchange& client, ServeContext& context);

}  // namespace activator
