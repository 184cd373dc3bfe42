#include "activator/serve_request.hpp"

#include <string>
#include <utility>

#include "activator/affinity.hpp"
#include "activator/answers.hpp"
#include "activator/hold_slot.hpp"
#include "activator/outgoing_head.hpp"
#include "activator/pod_answer.hpp"
#include "activator/route_table.hpp"
#include "activator/wanted_model.hpp"
#include "common/core/check.hpp"
#include "common/core/path_pattern.hpp"
#include "common/forward/relay.hpp"
#include "common/http/simple_response.hpp"
#include "common/protocol/headers.hpp"

namespace activator {
namespace {

namespace headers = common::headers;
using common::awaitable;
using common::RelayEnd;
using common::RelayResult;
using common::RequestHead;
using common::ResponseHead;

// Safe to send again though it may have started: nothing changes by it (or its sender said that it
// may come twice), and there is no body to lose (contract activator.md 4.3).
bool is_repeatable(const RequestHead& head) {
    const bool safe = head.method == "GET" || head.method == "HEAD" || head.method == "OPTIONS" ||
                      head.fields.has("Idempotency-Key");
    return safe && head.body.kind == common::BodyKind::none;
}

RequestRecord::Turned turned_by(Refusal refusal) {
    using Turned = RequestRecord::Turned;
    if (refusal == Refusal::bytes_full) return Turned::bytes_full;
    return refusal == Refusal::unknown_revision ? Turned::revision_removed : Turned::queue_full;
}

class RequestLife {
  public:
    RequestLife(common::Exchange& client, ServeContext& context)
        : client_(client), context_(context), ticket_(context.tasks.executor()) {}

    awaitable<void> run();

  private:
    enum class Attempt { ended, again };

    bool come_in();
    bool find_revision();
    bool classify();
    bool take_place();
    void refuse(common::SimpleResponse answer);
    void refuse(Problem problem, common::Fields fields = {});
    bool is_assigned() const;
    awaitable<bool> wait_for_pod();
    awaitable<Attempt> dispatch();
    awaitable<RelayResult> relay();
    awaitable<Attempt> after_relay(RelayResult result);
    awaitable<Attempt> after_declined();
    awaitable<Attempt> pod_lost(std::string detail);
    awaitable<void> timed_out(common::RelayTimeout which);
    Attempt client_left();
    bool hold_body() const;
    bool take_replay_bytes(std::size_t bytes);
    bool on_response_head(ResponseHead& head);
    bool may_repeat_here(const RelayResult& result) const;
    void describe(ResponseHead& head);
    awaitable<void> answer_turned();
    void hold_or_finish();
    bool may_run_again() const;
    void finish();

    common::Exchange& client_;
    ServeContext& context_;
    std::shared_ptr<const Revision> revision_;
    Ticket ticket_;
    std::optional<common::RequestBody> body_;
    Affinity affinity_;
    std::unique_ptr<common::BackendExchange> connection_;
    Pod pod_;
    Instant dispatched_at_{};
    RequestRecord record_;
    common::RequestTrace trace_;
    // The answer to a request that gets no place in line.
    std::unique_ptr<common::SimpleResponse> refusal_;
    unsigned reruns_ = 0;
    std::size_t replay_bytes_ = 0;  // taken from the router's bound
    Declined declined_ = Declined::no;
};

awaitable<void> RequestLife::run() {
    // What needs no wait is not a coroutine: this is every request's way.
    bool accepted = come_in();
    const bool asks_for_model = accepted && !ticket_.control && !revision_->knobs.model_key.empty();
    if (asks_for_model)
        ticket_.model = co_await wanted_model(client_, *body_, *revision_, context_);
    accepted = accepted && take_place();
    if (refusal_) co_await common::respond(client_, std::move(*refusal_));
    if (accepted) client_.watch_client([this] { ticket_.woken.notify(); });
    while (accepted) {
        bool assigned = is_assigned();
        if (!assigned) assigned = co_await wait_for_pod();
        if (!assigned) break;
        const Attempt attempt = co_await dispatch();
        if (attempt == Attempt::ended) break;
        trace_.returned(context_.time);
        client_.watch_client([this] { ticket_.woken.notify(); });
    }
    client_.watch_client(nullptr);
    finish();
}

// --- Find the revision, classify, take a place in line.

void RequestLife::refuse(common::SimpleResponse answer) {
    record_.status = answer.status;
    refusal_ = std::make_unique<common::SimpleResponse>(std::move(answer));
}

void RequestLife::refuse(Problem problem, common::Fields fields) {
    refuse(common::to_response(std::move(problem), std::move(fields)));
}

// False: it is refused.
bool RequestLife::come_in() {
    std::optional<common::SimpleResponse> at_door =
        answer_at_door(client_.request(), context_.door);
    if (at_door) {
        refuse(std::move(*at_door));
        return false;
    }
    trace_.begin(context_.tracer, client_.request().fields);
    if (context_.door.keys && !context_.door.keys->admits(client_.request().fields)) {
        common::Fields fields;
        fields.add("WWW-Authenticate", "Bearer");
        refuse(no_key("this service wants Authorization: Bearer KEY, or X-Api-Key: KEY"),
               std::move(fields));
        return false;
    }
    return find_revision() && classify();
}

bool RequestLife::find_revision() {
    const RequestHead& head = client_.request();
    const std::optional<RevisionId> id = context_.route(head);
    if (id) revision_ = context_.router.revision(*id);
    if (revision_) return true;
    if (context_.door.edge) {
        refuse(no_such_service(head.fields.get("Host")));
    } else {
        refuse(unknown_revision(revision_names(head, context_.door.cluster_domain).name));
    }
    return false;
}

bool RequestLife::classify() {
    const RequestHead& head = client_.request();
    record_.revision = revision_->id;
    const common::Knobs& knobs = revision_->knobs;
    if (common::is_listed_denied(knobs.deny_paths, head.method, head.target)) {
        refuse(path_denied());
        return false;
    }
    ticket_.revision = revision_->id;
    ticket_.control = record_.control =
        common::is_listed_control(knobs.control_paths, head.method, head.target);
    affinity_ = find_affinity(*revision_, head, context_.cookies, context_.router,
                              context_.time.wall_now());
    ticket_.key = affinity_.key;
    ticket_.head = &head;
    body_.emplace(client_, knobs.replay_bytes);
    body_->share_bound([this](std::size_t bytes) { return take_replay_bytes(bytes); });
    return true;
}

// False: it is refused, or its client is gone.
bool RequestLife::take_place() {
    if (client_.client_gone()) {
        record_.ended_by = RequestRecord::EndedBy::client;
        return false;
    }
    const std::size_t bytes = client_.request().fields.capacity_bytes();
    const Refusal refusal = context_.router.arrive(ticket_, affinity_.pinned, bytes);
    if (refusal == Refusal::none) {
        if (ticket_.state == Ticket::State::waiting) client_.release_memory();
        return true;
    }
    record_.ended_by = RequestRecord::EndedBy::queue;
    record_.turned = turned_by(refusal);
    refuse(refused(refusal, *revision_));
    return false;
}

bool RequestLife::take_replay_bytes(std::size_t bytes) {
    if (!context_.router.take_replay_bytes(bytes)) return false;
    replay_bytes_ += bytes;
    return true;
}

// --- Wait. The client may leave at any time; then nothing of it ever reaches a pod.

bool RequestLife::is_assigned() const {
    return ticket_.state == Ticket::State::assigned && !client_.client_gone();
}

awaitable<bool> RequestLife::wait_for_pod() {
    while (ticket_.state == Ticket::State::waiting && !client_.client_gone())
        co_await ticket_.woken.wait();
    const bool turned = ticket_.state == Ticket::State::expired ||
                        ticket_.state == Ticket::State::turned_away ||
                        ticket_.state == Ticket::State::cancelled;
    if (turned) {
        co_await answer_turned();
        co_return false;
    }
    if (!client_.client_gone()) co_return true;
    client_left();
    co_return false;
}

awaitable<void> RequestLife::answer_turned() {
    using Turned = RequestRecord::Turned;
    Problem problem;
    if (ticket_.state == Ticket::State::expired) {
        problem = expired(ticket_.cause, *revision_);
        record_.turned =
            ticket_.cause == ExpiryCause::cold_start_timeout
                ? Turned::cold_start_timeout
                : (ticket_.cause == ExpiryCause::queue_timeout ? Turned::queue_timeout
                                                               : Turned::revision_removed);
    } else if (ticket_.state == Ticket::State::cancelled) {
        problem = cancelled();
        record_.turned = Turned::cancelled;
    } else {
        problem = shutting_down();
        record_.turned = Turned::shutting_down;
    }
    record_.status = problem.status;
    record_.ended_by = RequestRecord::EndedBy::queue;
    co_await respond_problem(client_, std::move(problem));
}

// Nothing of the request is with a pod.
RequestLife::Attempt RequestLife::client_left() {
    record_.ended_by = RequestRecord::EndedBy::client;
    if (!context_.router.abandon(ticket_)) context_.router.finish(ticket_, Outcome::done);
    return Attempt::ended;
}

// --- Send it to the pod.

awaitable<RequestLife::Attempt> RequestLife::dispatch() {
    const Pod* pod = context_.router.pod(ticket_.pod);
    if (pod == nullptr) {
        context_.router.finish(ticket_, Outcome::refused);
        co_return Attempt::again;
    }
    pod_ = *pod;
    record_.pod = pod_.name;
    record_.pod_id = pod_.id;
    dispatched_at_ = context_.time.now();
    // A POST on a connection that the pod has just closed could not be told from one that it began.
    bool fresh = reruns_ > 0;
    while (true) {
        const common::Protocol protocol = client_.request().protocol();
        connection_ = fresh ? nullptr : context_.pool.get_idle(pod_.address, protocol);
        if (!connection_) {
            common::BackendPool::Connected connected =
                co_await context_.pool.get(pod_.address, fresh, protocol);
            connection_ = std::move(connected.connection);
        }
        if (client_.client_gone()) {
            context_.pool.put(pod_.address, std::move(connection_));
            co_return client_left();
        }
        if (!connection_) {
            context_.router.finish(ticket_, Outcome::unreachable);
            co_return Attempt::again;
        }
        ++record_.dispatches;
        declined_ = Declined::no;
        const RelayResult result = co_await relay();
        if (!may_repeat_here(result)) {
            if (connection_->bytes_sent() > 0) ticket_.grant.reset();  // it went along
            co_return co_await after_relay(result);
        }
        body_->rewind();
        fresh = true;
        // Nobody watches between two tries of the relay but we.
        client_.watch_client([this] { ticket_.woken.notify(); });
    }
}

awaitable<RelayResult> RequestLife::relay() {
    common::RelayTimeouts timeouts;
    timeouts.started = dispatched_at_;
    timeouts.total = dispatched_at_ + revision_->timeout;
    timeouts.response_start = revision_->response_start_timeout;
    timeouts.idle = revision_->idle_timeout;
    const bool hold = hold_body();
    RequestHead outgoing =
        outgoing_head(client_.request(), client_.peer(), *revision_, pod_, context_.door, hold);
    trace_.send(outgoing.fields, dispatched_at_, pod_.name);
    if (ticket_.grant)
        outgoing.fields.add(headers::sluice_grant, std::to_string(ticket_.grant->stream));
    common::Relay::OnHead on_head = [this](ResponseHead& head) { return on_response_head(head); };
    common::Relay relay(client_, *connection_, *body_, context_.tasks, context_.time);
    if (hold) relay.hold_body();
    co_return co_await relay.run(std::move(outgoing), timeouts, std::move(on_head));
}

// A body that cannot be kept whole is not sent before the pod has taken the request: a pod that
// refuses after the first bytes of it would have lost it.
bool RequestLife::hold_body() const {
    const common::Framing& body = client_.request().body;
    if (body.kind == common::BodyKind::none || !body_->can_rewind()) return false;
    if (body.kind == common::BodyKind::length) return body.length > revision_->knobs.replay_bytes;
    return true;
}

// The connection was an old one, and the pod closed it as the request came: that is no fault of the
// pod, and a new connection tells (contract row 27).
bool RequestLife::may_repeat_here(const RelayResult& result) const {
    return result.end == RelayEnd::backend_failed && connection_->reused() &&
           !connection_->response_seen() && is_repeatable(client_.request()) && body_->can_rewind();
}

// Looks at the pod's answer before the client does.
bool RequestLife::on_response_head(ResponseHead& head) {
    declined_ = declined_by(head);
    if (declined_ != Declined::no) return false;
    describe(head);
    return true;
}

// What the answer tells its reader: which pod, and where the time went.
void RequestLife::describe(ResponseHead& head) {
    const Instant now = context_.time.now();
    erase_sluice_fields(head.fields);
    head.fields.add(headers::sluice_pod, pod_.name);
    head.fields.add("Server-Timing", server_timing(ticket_.waited_queued, ticket_.waited_cold,
                                                   now - dispatched_at_));
    record_.answer_began = now;
    const Pod& home = session_pod(affinity_, pod_, context_.router);
    if (revision_->knobs.affinity.enabled || affinity_.key)
        note_session(record_, affinity_, pod_, home, context_.time.wall_now());
    const std::optional<std::string> cookie = renew_cookie(
        *revision_, affinity_, home, context_.cookies, context_.time.wall_now(), client_.secure());
    if (cookie) head.fields.add("Set-Cookie", *cookie);
    // It will not run again: the pod has answered.
    if (connection_->request_done()) body_->stop_keeping();
}

// --- What its end means.

awaitable<RequestLife::Attempt> RequestLife::after_relay(RelayResult result) {
    record_.status = result.status;
    record_.response_bytes = result.response_bytes;
    Router& router = context_.router;
    switch (result.end) {
        case RelayEnd::complete:
            record_.ended_by = RequestRecord::EndedBy::pod;
            if (revision_->knobs.affinity.enabled || affinity_.key) {
                const Pod& home = session_pod(affinity_, pod_, router);
                router.note_session(home.id, revision_->knobs.affinity.timeout);
            }
            router.finish(ticket_, Outcome::done);
            context_.pool.put(pod_.address, std::move(connection_));
            co_return Attempt::ended;
        case RelayEnd::client_gone:
            record_.ended_by = RequestRecord::EndedBy::client;
            record_.left_pod = true;
            hold_or_finish();
            co_return Attempt::ended;
        case RelayEnd::timed_out:
            co_await timed_out(result.timeout);
            co_return Attempt::ended;
        case RelayEnd::backend_failed:
            co_return co_await pod_lost("the pod broke off");
        case RelayEnd::declined:
            break;
    }
    record_.status = 0;
    co_return co_await after_declined();
}

awaitable<RequestLife::Attempt> RequestLife::after_declined() {
    if (declined_ == Declined::timeout) {
        co_await timed_out(common::RelayTimeout::total);
        co_return Attempt::ended;
    }
    if (declined_ == Declined::lost) co_return co_await pod_lost("the application broke off");
    // Provably not started: it goes back to its place.
    if (!body_->can_rewind())
        co_return co_await pod_lost("the pod refused, and the body is too long to send again");
    body_->rewind();
    // A refusal's few bytes came with its head; a pod that dawdles over them is not waited for.
    while (!connection_->response_done()) {
        const std::optional<common::BodyRead> read = connection_->body_at_hand();
        if (!read || read->ec) break;
    }
    context_.pool.put(pod_.address, std::move(connection_));
    const bool busy = declined_ == Declined::busy;
    context_.router.finish(ticket_, busy ? Outcome::refused : Outcome::unreachable);
    co_return Attempt::again;
}

// The pod's connection or application broke while the request was with it. It may have started.
awaitable<RequestLife::Attempt> RequestLife::pod_lost(std::string detail) {
    record_.ended_by = RequestRecord::EndedBy::pod;
    const bool started_answer = client_.response_started();
    const bool again = !started_answer && may_run_again();
    const bool unseen = connection_->bytes_sent() == 0;
    connection_.reset();
    if (again) {
        body_->rewind();
        if (unseen) {
            // A stream that the pod refused, or had no room for.
            context_.router.finish(ticket_, Outcome::refused);
        } else {
            ++reruns_;
            context_.router.requeue(ticket_);
        }
        co_return Attempt::again;
    }
    context_.router.finish(ticket_, Outcome::failed);
    if (started_answer) {
        record_.broken = true;
        client_.abort();
    } else {
        record_.status = 502;
        co_await respond_problem(client_, pod_failed(std::move(detail)));
    }
    co_return Attempt::ended;
}

bool RequestLife::may_run_again() const {
    if (!body_->can_rewind()) return false;
    const RequestHead& head = client_.request();
    const common::Knobs& knobs = revision_->knobs;
    // Not one byte left us: it cannot have started, however often that happens.
    if (connection_->bytes_sent() == 0) return true;
    if (reruns_ >= knobs.retry_limit) return false;
    return knobs.retry_on_pod_loss || head.fields.has("Idempotency-Key");
}

awaitable<void> RequestLife::timed_out(common::RelayTimeout which) {
    record_.ended_by = RequestRecord::EndedBy::timeout;
    const bool started_answer = client_.response_started();
    hold_or_finish();
    if (started_answer) {
        record_.broken = true;
        client_.abort();
    } else {
        record_.status = 504;
        co_await respond_problem(client_, run_timeout(which, *revision_));
    }
}

// The client has no more use for the answer. If the pod saw the request, its slot is free only when
// it is done.
void RequestLife::hold_or_finish() {
    const bool unseen = !connection_ || connection_->bytes_sent() == 0;
    if (unseen || connection_->response_done()) {
        context_.router.finish(ticket_, Outcome::done);
        return;
    }
    const Router::Detached held = context_.router.detach(ticket_);
    const Duration at_most = revision_->knobs.slot_hold_max.value_or(revision_->timeout);
    context_.tasks.spawn("hold slot", hold_slot(context_, held, std::move(connection_), at_most));
}

void RequestLife::finish() {
    CHECK(ticket_.state != Ticket::State::waiting && ticket_.state != Ticket::State::assigned);
    context_.router.return_replay_bytes(replay_bytes_);
    record_.id = ticket_.id;
    record_.cold = ticket_.waited_cold;
    record_.wait = ticket_.waited_cold + ticket_.waited_queued;
    record_.arrived = ticket_.arrived;
    record_.ended = context_.time.now();
    if (dispatched_at_ != Instant{}) record_.run = record_.ended - dispatched_at_;
    if (trace_.is_recorded()) record_.trace = &trace_;
    if (context_.on_finished) context_.on_finished(client_, record_);
}

}  // namespace

awaitable<void> serve_request(common::Exchange& client, ServeContext& context) {
    RequestLife life(client, context);
    co_await life.run();
}

}  // namespace activator
