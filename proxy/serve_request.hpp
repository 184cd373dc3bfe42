// The life of one request in the queue-proxy, top to bottom: tell what it is, answer it here if it
// is a probe, let it in, send it to the application, and account for how it ended (contract
// queue-proxy 3).
//
// The limit is true: the slot of a request whose client left, or whose time ran out, is not free
// before the application has ended its answer (contract 12, D7). finish() runs on every way out.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "common/async/task_group.hpp"
#include "common/core/request_stats.hpp"
#include "common/forward/backend_pool.hpp"
#include "common/http/exchange.hpp"
#include "common/trace/request_trace.hpp"
#include "proxy/cold_start.hpp"
#include "proxy/config.hpp"
#include "proxy/core/request_class.hpp"
#include "proxy/gate.hpp"
#include "proxy/readiness.hpp"
#include "proxy/shutdown.hpp"
#include "proxy/slot_streams.hpp"

namespace proxy {

// How a request ended, for log and metrics.
struct RequestRecord {
    RequestClass what;
    int status = 0;         // 0: nothing was sent
    bool aborted = false;   // the response broke off
    bool upgraded = false;  // the status was 101
    // It reached the application's door: it is in the invocation metrics.
    bool executed = false;
    bool app_failed = false;   // the application could not be reached, or broke off
    bool client_gone = false;  // the client left before the answer's end
    bool timed_out = false;    // a time of the request's ran out (contract 3.4)
    bool secure = false;       // over TLS
    std::size_t depth = 0;     // running and waiting, itself included, when it began to execute
    Instant arrived{};
    Instant executing{};
    Instant ended{};
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    // Null, or while on_finished() runs: what is to be recorded of it.
    const common::RequestTrace* trace = nullptr;
};

// What all requests share; outlives them.
struct ServeContext {
    const Config& config;
    Gate& gate;
    Readiness& readiness;
    Shutdown& shutdown;
    SlotStreams& slots;
    common::RequestStats& stats;
    common::BackendPool& pool;
    common::TaskGroup& tasks;
    common::TimeSource& time;
    ColdStart& cold_start;
    std::function<void(const common::Exchange&, const RequestRecord&)> on_finished;
    common::Tracer* tracer = nullptr;  // null: nothing is traced
};

common::awaitable<void> serve_request(common::Exchange& client, ServeContext& context);

}  // namespace proxy
