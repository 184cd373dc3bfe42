#include "common/forward/relay.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>

#include "common/http/forwarding.hpp"

namespace common {
namespace {

// How long a backend may take to say 100 Continue before the body is sent anyway (contract
// queue-proxy.md 3.7).
constexpr Duration continue_wait = std::chrono::seconds(1);

Instant earliest(Instant a, Instant b) {
    return std::min(a, b);
}

bool is_event_stream(const Fields& fields) {
    const std::string_view type = fields.get("Content-Type");
    const std::string_view media = trim_blanks(type.substr(0, type.find(';')));
    return equal_ignoring_case(media, "text/event-stream");
}

}  // namespace

Relay::Relay(Exchange& client, BackendExchange& backend, RequestBody& body, TaskGroup& tasks,
             TimeSource& time)
    : client_(client),
      backend_(backend),
      body_(body),
      tasks_(tasks),
      time_(time),
      watchdog_(time, [this] { on_deadline(); }),
      upload_wake_(tasks.executor()),
      upload_done_(tasks.executor()) {}

awaitable<RelayResult> Relay::run(RequestHead outgoing, RelayTimeouts timeouts, OnHead on_head) {
    timeouts_ = timeouts;
    on_head_ = std::move(on_head);
    last_progress_ = timeouts.started;
    arm_watchdog();
    if (client_.client_gone()) client_left();
    // Before the request goes out: a backend that takes it slowly must not hide that the client
    // left.
    if (!stopped()) client_.watch_client([this] { client_left(); });
    if (!stopped()) co_await send_request(outgoing);
    if (!stopped()) co_await receive();
    client_.watch_client(nullptr);
    watchdog_.clear();
    if (uploading_) {
        // The answer came before the whole body (or never): what is left of the upload has no
        // reader.
        stopped_ = true;
        upload_wake_.notify();
        backend_.cancel();
        client_.cancel();
        while (uploading_)
            co_await upload_done_.wait();
    }
    result_.upload_cut = !upload_complete_;
    co_return result_;
}

// --- The request's way.

awaitable<void> Relay::send_request(const RequestHead& outgoing) {
    const bool has_body = outgoing.body.kind != BodyKind::none;
    backend_.start_request(outgoing);
    std::optional<BodyRead> first;
    if (!body_held_) first = body_.at_hand();
    if (first && first->ec) {
        client_left();
        co_return;
    }
    // Head and what there is of the body leave in one write.
    const BodyPiece piece = first ? first->piece : BodyPiece{};
    upload_complete_ = piece.last || !has_body;
    const error_code ec = co_await backend_.send_body(piece);
    if (ec && !stopped()) backend_failed(ec);
    if (ec || upload_complete_) co_return;
    continue_awaited_ = outgoing.expect_continue && !first;
    start_upload("upload", upload());
}

void Relay::start_upload(const char* name, awaitable<void> task) {
    uploading_ = true;  // first: the task may end before spawn() returns
    if (tasks_.spawn(name, std::move(task))) return;
    uploading_ = false;
    backend_failed(boost::asio::error::operation_aborted);  // we are shutting down
}

awaitable<void> Relay::upload() {
    if (continue_awaited_) co_await wait_for_continue();
    while (!stopped()) {
        const BodyRead read = co_await body_.read();
        if (read.ec) {
            if (!stopped()) client_left();
            break;
        }
        if (stopped()) break;
        const error_code ec = co_await backend_.send_body(read.piece);
        // The backend stopped reading; it may have answered already, so the response is still read.
        if (ec) break;
        upload_complete_ = read.piece.last;
        if (upload_complete_) break;
    }
    uploading_ = false;
    upload_done_.notify();
}

awaitable<void> Relay::wait_for_continue() {
    continue_timer_ = time_.make_timer();
    continue_timer_->arm(time_.now() + continue_wait, [this] { go_on_uploading(); });
    while (continue_awaited_ && !stopped())
        co_await upload_wake_.wait();
    continue_timer_->disarm();
    // Nobody has told the client to go on; once the final head is on its way, nobody will.
    const bool asked = client_.request().expect_continue;
    if (stopped() || !asked || continue_sent_ || result_.status != 0) co_return;
    ResponseHead go_on;
    go_on.status = 100;
    const error_code ec = co_await client_.send_interim(go_on);
    if (ec && !stopped()) client_left();
}

void Relay::go_on_uploading() {
    continue_awaited_ = false;
    upload_wake_.notify();
}

// --- The response's way.

awaitable<void> Relay::receive() {
    ResponseHead head;
    while (true) {
        const error_code ec = co_await backend_.read_head(head);
        if (stopped()) co_return;
        if (ec) {
            backend_failed(ec);
            co_return;
        }
        if (head.status >= 200 || head.status == 101) break;
        co_await interim(head);
        if (stopped()) co_return;
    }
    result_.status = head.status;
    if (head.status == 101) {
        co_await tunnel(std::move(head));
        co_return;
    }
    if (on_head_ && !on_head_(head)) {
        stop(RelayEnd::declined);
        co_return;
    }
    const bool flush_early = head.body.kind == BodyKind::chunked ||
                             head.body.kind == BodyKind::until_close ||
                             is_event_stream(head.fields);
    ResponseHead outgoing = forward_response_head(std::move(head));
    // With part of the request unread, the next request could not be told from the rest of this
    // one.
    outgoing.keep_alive = upload_complete_;
    progress();
    client_.start_response(std::move(outgoing));
    co_await response_body(flush_early);
}

awaitable<void> Relay::interim(const ResponseHead& head) {
    progress();
    const ResponseHead outgoing = forward_response_head(head);
    // A 100 that the client did not ask for, or has had from us, is dropped.
    const bool asked = client_.request().expect_continue;
    const bool wanted = head.status != 100 || (continue_awaited_ && asked);
    if (head.status == 100 && continue_awaited_) continue_sent_ = true;
    if (wanted) {
        const error_code ec = co_await client_.send_interim(outgoing);
        if (ec && !stopped()) client_left();
    }
    if (head.status == 100) go_on_uploading();
}

awaitable<void> Relay::response_body(bool flush_early) {
    while (true) {
        std::optional<BodyRead> read = backend_.body_at_hand();
        if (!read) {
            if (flush_early) {
                const error_code ec = co_await client_.flush();
                if (ec && !stopped()) client_left();
                if (stopped()) co_return;
            }
            read = co_await backend_.read_body();
            if (stopped()) co_return;
        }
        if (read->ec) {
            backend_failed(read->ec);
            co_return;
        }
        result_.response_bytes += read->piece.bytes;
        progress();
        if (read->piece.last) client_.set_trailers(forward_trailers(backend_.trailers()));
        const error_code ec = co_await client_.send_body(read->piece);
        if (stopped()) co_return;
        if (ec) {
            client_left();
            co_return;
        }
        if (read->piece.last) co_return;
    }
}

// --- After an upgrade: bytes both ways until both sides have ended, or one of them breaks.

awaitable<void> Relay::tunnel(ResponseHead head) {
    const RequestHead& request = client_.request();
    const bool agreed =
        request.upgrade && upload_complete_ &&
        equal_ignoring_case(head.fields.get("Upgrade"), request.fields.get("Upgrade"));
    if (!agreed) {
        // RFC 9110 7.8: a switch that nobody asked for.
        backend_failed(make_error_code(boost::system::errc::protocol_error));
        co_return;
    }
    result_.upgraded = true;
    client_.watch_client(nullptr);
    const ResponseHead outgoing = forward_response_head(head);
    const error_code ec = co_await client_.send_upgrade(outgoing);
    if (stopped()) co_return;
    if (ec) {
        client_left();
        co_return;
    }
    progress();
    start_upload("tunnel upload", tunnel_upload());
    std::string_view bytes;
    while (!stopped()) {
        const IoResult read = co_await backend_.read_tunnel(bytes);
        if (stopped()) break;
        if (read.ec == boost::asio::error::eof) break;
        if (read.ec) stop(RelayEnd::complete);
        if (read.ec) break;
        progress();
        result_.response_bytes += bytes.size();
        const error_code failure = co_await client_.write_tunnel(bytes);
        if (failure && !stopped()) stop(RelayEnd::complete);
    }
    if (!stopped()) client_.shutdown_tunnel();
    while (uploading_ && !stopped())
        co_await upload_done_.wait();
}

awaitable<void> Relay::tunnel_upload() {
    std::string_view bytes;
    while (!stopped()) {
        const IoResult read = co_await client_.read_tunnel(bytes);
        if (stopped()) break;
        if (read.ec == boost::asio::error::eof) break;
        if (read.ec) stop(RelayEnd::complete);
        if (read.ec) break;
        progress();
        const error_code failure = co_await backend_.write_tunnel(bytes);
        if (failure && !stopped()) stop(RelayEnd::complete);
    }
    if (!stopped()) backend_.shutdown_send();
    uploading_ = false;
    upload_done_.notify();
}

// --- Ends.

void Relay::progress() {
    received_any_ = true;
    if (timeouts_.idle > Duration::zero()) last_progress_ = time_.now();
}

void Relay::arm_watchdog() {
    Instant deadline = timeouts_.total;
    const bool started = received_any_;
    if (timeouts_.response_start > Duration::zero() && !started)
        deadline = earliest(deadline, timeouts_.started + timeouts_.response_start);
    if (timeouts_.idle > Duration::zero())
        deadline = earliest(deadline, last_progress_ + timeouts_.idle);
    watchdog_.set(deadline);
}

void Relay::on_deadline() {
    const Instant now = time_.now();
    if (now >= timeouts_.total) {
        result_.timeout = RelayTimeout::total;
    } else if (timeouts_.response_start > Duration::zero() && !received_any_ &&
               now >= timeouts_.started + timeouts_.response_start) {
        result_.timeout = RelayTimeout::response_start;
    } else if (timeouts_.idle > Duration::zero() && now >= last_progress_ + timeouts_.idle) {
        result_.timeout = RelayTimeout::idle;
    } else {
        arm_watchdog();
        return;
    }
    stop(RelayEnd::timed_out);
}

void Relay::client_left() {
    if (!stopped()) stop(RelayEnd::client_gone);
}

void Relay::backend_failed(error_code cause) {
    if (stopped()) return;
    result_.cause = cause;
    stop(RelayEnd::backend_failed);
}

void Relay::stop(RelayEnd end) {
    stopped_ = true;
    result_.end = end;
    // Whoever waits in a read or write of ours finds out that it is over.
    backend_.cancel();
    client_.cancel();
    upload_wake_.notify();
    upload_done_.notify();
}

}  // namespace common
