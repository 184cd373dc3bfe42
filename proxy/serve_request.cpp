#include "proxy/serve_request.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "common/async/watchdog.hpp"
#include "common/core/check.hpp"
#include "common/forward/relay.hpp"
#include "common/http/simple_response.hpp"
#include "common/log/log.hpp"
#include "common/protocol/headers.hpp"
#include "proxy/answers.hpp"
#include "proxy/core/timeouts.hpp"
#include "proxy/hold_slot.hpp"
#include "proxy/outgoing_head.hpp"

namespace proxy {
namespace {

namespace headers = common::headers;
using common::awaitable;
using common::RelayEnd;
using common::RelayResult;
using common::RequestHead;
using common::ResponseHead;

class RequestLife {
  public:
    RequestLife(common::Exchange& client, ServeContext& context)
        : client_(client),
          context_(context),
          ticket_(context.tasks.executor()),
          arrived_(context.time.now()),
          timeouts_({context.config.total_timeout, context.config.response_start_timeout,
                     context.config.idle_timeout},
                    arrived_) {
        record_.arrived = arrived_;
    }

    awaitable<void> run();

  private:
    enum class Attempt { ended, again };

    bool is_answered_here();
    awaitable<void> answer_here();
    awaitable<void> answer(common::SimpleResponse response);
    awaitable<void> answer_probe(const HeadView& head);
    bool is_admitted_at_once();
    awaitable<bool> admit();
    awaitable<void> wait_in_line();
    awaitable<Attempt> forward(bool fresh);
    void note(const RelayResult& result);
    awaitable<Attempt> after_failure(RelayResult result);
    awaitable<Attempt> app_failed(common::error_code cause);
    awaitable<void> unreachable(common::error_code cause);
    awaitable<void> client_gone(bool upload_cut);
    awaitable<void> timed_out(Timeout timeout, RelayResult result);
    awaitable<void> answer_held_504(HeldSlot held);
    bool on_response_head(ResponseHead& head);
    bool may_run_again() const;
    bool is_held_on_disconnect(bool upgraded) const;
    void count_in();
    void release();
    void finish();

    common::Exchange& client_;
    ServeContext& context_;
    Ticket ticket_;
    Instant arrived_;
    RequestTimeouts timeouts_;
    std::optional<common::RequestBody> body_;
    std::optional<common::SimpleResponse> odd_form_;  // the answer to one
    std::optional<Timeout> expired_;                  // on arrival
    std::unique_ptr<common::BackendExchange> connection_;
    RequestRecord record_;
    common::RequestTrace trace_;
    bool counted_ = false;  // in the autoscaler's statistics
    bool ran_again_ = false;
};

awaitable<void> RequestLife::run() {
    // What needs no wait is not a coroutine: this is every request's way.
    if (is_answered_here()) {
        co_await answer_here();
    } else {
        context_.shutdown.request_arrived();
        if (!record_.what.quiet) trace_.begin(context_.tracer, client_.request().fields);
        bool admitted = is_admitted_at_once();
        if (!admitted) admitted = co_await admit();
        if (admitted) {
            Attempt attempt = co_await forward(false);
            if (attempt == Attempt::again) attempt = co_await forward(true);
            CHECK(attempt == Attempt::ended);
        }
    }
    finish();
}

// --- Tell what it is; probes and odd forms are answered here.

bool RequestLife::is_answered_here() {
    const RequestHead& head = client_.request();
    const HeadView view = head_view(head);
    record_.what = classify(view, context_.config.knobs.control_paths);
    if (record_.what.answered_here()) return true;
    odd_form_ = answer_to_odd_form(head);
    return odd_form_.has_value();
}

awaitable<void> RequestLife::answer_here() {
    if (record_.what.kind == RequestKind::slot_stream) {
        co_await context_.slots.serve(client_);
        co_return;
    }
    if (odd_form_) {
        co_await answer(std::move(*odd_form_));
        co_return;
    }
    const HeadView view = head_view(client_.request());
    co_await answer_probe(view);
}

awaitable<void> RequestLife::answer(common::SimpleResponse response) {
    record_.status = response.status;
    record_.response_bytes = response.body.size();
    co_await common::respond(client_, std::move(response));
}

awaitable<void> RequestLife::answer_probe(const HeadView& head) {
    std::optional<ProbeAnswer> probe =
        probe_answer(head, record_.what.kind, context_.shutdown.is_draining());
    if (!probe) {
        const bool ready = co_await context_.readiness.ask();
        // The drain may have begun meanwhile.
        probe = probe_answer(head, record_.what.kind, context_.shutdown.is_draining());
        if (!probe) probe = readiness_answer(ready);
    }
    common::SimpleResponse response = to_response(*probe);
    co_await answer(std::move(response));
}

// --- Let it in.

void RequestLife::count_in() {
    counted_ = record_.what.kind == RequestKind::ordinary && !record_.what.control;
    if (!counted_) return;
    if (record_.what.proxied) {
        context_.stats.proxied_in(record_.arrived);
    } else {
        context_.stats.request_in(record_.arrived);
    }
}

bool RequestLife::is_admitted_at_once() {
    const RequestClass& what = record_.what;
    count_in();
    body_.emplace(client_, 0);
    expired_ = timeouts_.fired(arrived_);
    if (expired_) return false;
    // The kubelet passes the limit by (contract 3.6.1).
    if (what.kind == RequestKind::kubelet_bypass) return true;
    const Lane lane = what.control ? Lane::control : Lane::app;
    const WhenFull when_full = what.activator_try ? WhenFull::refuse : WhenFull::queue;
    return context_.gate.arrive(ticket_, lane, when_full, ActivatorId{what.grant}) ==
           Verdict::admitted;
}

// What is_admitted_at_once() did not let in: too late, refused, or in line.
awaitable<bool> RequestLife::admit() {
    if (expired_) {
        co_await timed_out(*expired_, RelayResult{});
        co_return false;
    }
    if (ticket_.state == Ticket::State::ended) {
        common::SimpleResponse response = refusal(record_.what);
        co_await answer(std::move(response));
        co_return false;
    }
    co_await wait_in_line();
    if (client_.client_gone()) {
        record_.client_gone = true;
        // Nothing of it ever reaches the application (D5).
        if (!context_.gate.abandon(ticket_)) release();
        co_return false;
    }
    if (ticket_.state == Ticket::State::admitted) co_return true;
    CHECK(context_.gate.abandon(ticket_));
    co_await timed_out(timeouts_.fired(context_.time.now()).value(), RelayResult{});
    co_return false;
}

awaitable<void> RequestLife::wait_in_line() {
    client_.release_memory();
    common::Watchdog watchdog(context_.time, [this] { ticket_.woken.notify(); });
    watchdog.set(timeouts_.next_deadline());
    client_.watch_client([this] { ticket_.woken.notify(); });
    while (ticket_.state == Ticket::State::waiting && !client_.client_gone() && !watchdog.expired())
        co_await ticket_.woken.wait();
    client_.watch_client(nullptr);
}

// --- Send it to the application.

awaitable<RequestLife::Attempt> RequestLife::forward(bool fresh) {
    if (!record_.executed) {
        record_.executed = true;
        record_.executing = context_.time.now();
        const AdmissionCounts counts = context_.gate.counts();
        record_.depth = counts.running + counts.held + counts.waiting;
    }
    const common::Address app{
        .host = "127.0.0.1", .port = context_.config.user_port, .unix_path = {}};
    const common::Protocol protocol = client_.request().protocol();
    if (!fresh) connection_ = context_.pool.get_idle(app, protocol);
    if (!connection_) {
        // HTTP/2 may find its shared connection, if not `fresh`.
        common::BackendPool::Connected connected = co_await context_.pool.get(app, fresh, protocol);
        if (connected.ec) {
            co_await unreachable(connected.ec);
            co_return Attempt::ended;
        }
        connection_ = std::move(connected.connection);
    }
    common::RelayTimeouts timeouts;
    timeouts.started = record_.arrived;
    timeouts.total = record_.arrived + context_.config.total_timeout;
    timeouts.response_start = context_.config.response_start_timeout;
    timeouts.idle = context_.config.idle_timeout;
    RequestHead outgoing = outgoing_head(client_.request(), client_.peer(), record_.what);
    trace_.send(outgoing.fields, record_.executing, {});
    const bool body_held = record_.what.activator_try &&
                           client_.request().fields.get(headers::sluice_body) == headers::body_held;
    if (body_held) {
        // Neither refused nor unreachable: from here on our activator may part with the body.
        outgoing.expect_continue = false;
        outgoing.fields.erase("Expect");
        ResponseHead go_on;
        go_on.status = 100;
        co_await client_.send_interim(go_on);
    }
    common::Relay::OnHead on_head = [this](ResponseHead& head) { return on_response_head(head); };
    common::Relay relay(client_, *connection_, *body_, context_.tasks, context_.time);
    const RelayResult result =
        co_await relay.run(std::move(outgoing), timeouts, std::move(on_head));
    note(result);
    if (result.end != RelayEnd::complete) co_return co_await after_failure(result);
    context_.pool.put(app, std::move(connection_));
    release();
    co_return Attempt::ended;
}

bool RequestLife::on_response_head(ResponseHead& head) {
    if (context_.cold_start.first_byte().count() == 0)
        context_.cold_start.saw_first_byte(context_.time.now());
    // An application cannot speak for us to our activator.
    erase_private_fields(head.fields);
    return true;
}

// --- What its end means.

void RequestLife::note(const RelayResult& result) {
    record_.status = result.status;
    record_.upgraded = result.upgraded;
    record_.response_bytes = result.response_bytes;
}

awaitable<RequestLife::Attempt> RequestLife::after_failure(RelayResult result) {
    switch (result.end) {
        case RelayEnd::client_gone:
            co_await client_gone(result.upload_cut);
            co_return Attempt::ended;
        case RelayEnd::timed_out: {
            Timeout timeout = Timeout::total;
            if (result.timeout == common::RelayTimeout::response_start)
                timeout = Timeout::response_start;
            if (result.timeout == common::RelayTimeout::idle) timeout = Timeout::idle;
            co_await timed_out(timeout, result);
            co_return Attempt::ended;
        }
        case RelayEnd::complete:
        case RelayEnd::declined:
        case RelayEnd::backend_failed:
            break;
    }
    co_return co_await app_failed(result.cause);
}

// Contract 3.10: once; only what has certainly not begun, or what cannot have had an effect and
// failed because the connection was old.
bool RequestLife::may_run_again() const {
    if (ran_again_) return false;
    if (connection_->bytes_sent() == 0) return body_->can_rewind();
    const RequestHead& head = client_.request();
    const std::string& method = head.method;
    const bool safe = method == "GET" || method == "HEAD" || method == "OPTIONS" ||
                      method == "TRACE" || head.fields.has("Idempotency-Key") ||
                      head.fields.has("X-Idempotency-Key");
    return safe && head.body.kind == common::BodyKind::none && connection_->reused() &&
           !connection_->response_seen();
}

awaitable<RequestLife::Attempt> RequestLife::app_failed(common::error_code cause) {
    const bool started_answer = client_.response_started();
    if (!started_answer && may_run_again()) {
        ran_again_ = true;
        connection_.reset();
        body_->rewind();
        co_return Attempt::again;
    }
    connection_.reset();
    release();
    record_.app_failed = true;
    if (started_answer) {
        record_.aborted = true;
        client_.abort();
        co_return Attempt::ended;
    }
    const std::string error = error_text(cause);
    common::log_error("proxy_error", "error reverse proxying request", {{"error", error}});
    common::SimpleResponse response = plain_error(502, error);
    if (record_.what.activator_try) response.fields.add(headers::sluice_error, headers::error_lost);
    co_await answer(std::move(response));
    co_return Attempt::ended;
}

// Provably not started.
awaitable<void> RequestLife::unreachable(common::error_code cause) {
    release();
    record_.app_failed = true;
    const std::string error = dial_error_text(context_.config.user_port, cause);
    common::log_error("proxy_error", "error reverse proxying request", {{"error", error}});
    common::SimpleResponse response = plain_error(record_.what.activator_try ? 503 : 502, error);
    if (record_.what.activator_try)
        response.fields.add(headers::sluice_refused, headers::refused_unreachable);
    co_await answer(std::move(response));
}

// Whether the application may still be at work for a request that nobody waits for.
bool RequestLife::is_held_on_disconnect(bool upgraded) const {
    if (ticket_.state != Ticket::State::admitted || record_.what.control || upgraded) return false;
    if (context_.config.on_disconnect == common::OnDisconnect::close) return false;
    return connection_ && connection_->bytes_sent() > 0 && !connection_->response_done();
}

awaitable<void> RequestLife::client_gone(bool upload_cut) {
    record_.client_gone = true;
    if (!is_held_on_disconnect(record_.upgraded)) {
        connection_.reset();
        release();
        co_return;
    }
    counted_ = false;  // counted out by the held slot
    HeldSlot held(context_, ticket_, record_.what.proxied, std::move(connection_), upload_cut);
    // Our activator has closed its sending side and waits for this connection's end: that tells it
    // that the slot is free. Nobody else looks.
    if (record_.what.activator_try) {
        co_await HeldSlot::wait(std::move(held));
    } else {
        context_.tasks.spawn("hold slot", HeldSlot::wait(std::move(held)));
    }
}

awaitable<void> RequestLife::timed_out(Timeout timeout, RelayResult result) {
    record_.timed_out = true;
    common::log_warning("request_timeout", timeout_text(timeout, context_.config));
    const bool held = is_held_on_disconnect(result.upgraded);
    const bool started_answer = client_.response_started();
    std::optional<HeldSlot> slot;
    if (held) {
        counted_ = false;
        slot.emplace(context_, ticket_, record_.what.proxied, std::move(connection_),
                     result.upload_cut);
    } else {
        connection_.reset();
        release();
    }
    if (started_answer) {
        // Never a clean end of a body that is not whole (D2).
        record_.aborted = true;
        client_.abort();
    } else if (held && record_.what.activator_try) {
        record_.status = 504;
        co_await answer_held_504(std::move(*slot));
        co_return;
    }
    if (held) context_.tasks.spawn("hold slot", HeldSlot::wait(std::move(*slot)));
    if (started_answer) co_return;
    common::SimpleResponse response = timeout_answer();
    if (record_.what.activator_try)
        response.fields.add(headers::sluice_error, headers::error_timeout);
    co_await answer(std::move(response));
}

// The head at once, the end when the slot is free: so the activator knows exactly when.
awaitable<void> RequestLife::answer_held_504(HeldSlot held) {
    ResponseHead head;
    head.status = 504;
    head.fields.add("Content-Type", "text/plain; charset=utf-8");
    head.fields.add(headers::sluice_error, headers::error_timeout);
    head.fields.add(headers::sluice_slot, headers::slot_held);
    head.body.kind = common::BodyKind::chunked;
    head.keep_alive = client_.body_done();
    client_.start_response(std::move(head));
    const std::array<std::string_view, 1> parts{timeout_body};
    common::BodyPiece piece;
    piece.parts = parts;
    piece.bytes = timeout_body.size();
    co_await client_.send_body(piece);
    co_await HeldSlot::wait(std::move(held));
    common::BodyPiece end;
    end.last = true;
    co_await client_.send_body(end);
}

void RequestLife::release() {
    if (ticket_.state == Ticket::State::admitted) context_.gate.release(ticket_);
}

void RequestLife::finish() {
    CHECK(ticket_.state != Ticket::State::waiting && ticket_.state != Ticket::State::admitted);
    record_.ended = context_.time.now();
    record_.secure = client_.secure();
    if (body_) record_.request_bytes = body_->bytes_read();
    if (counted_ && record_.what.proxied) context_.stats.proxied_out(record_.ended);
    if (counted_ && !record_.what.proxied) context_.stats.request_out(record_.ended);
    if (trace_.is_recorded()) record_.trace = &trace_;
    if (context_.on_finished) context_.on_finished(client_, record_);
}

}  // namespace

common::awaitable<void> serve_request(common::Exchange& client, ServeContext& context) {
    RequestLife life(client, context);
    co_await life.run();
}

}  // namespace proxy
