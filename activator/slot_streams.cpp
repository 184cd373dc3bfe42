#include "activator/slot_streams.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "common/async/watchdog.hpp"
#include "common/core/parse.hpp"
#include "common/forward/backend_connection.hpp"
#include "common/net/dialer.hpp"
#include "common/protocol/headers.hpp"

namespace activator {
namespace {

namespace headers = common::headers;
using common::awaitable;

// Messages that the queue-proxy has not taken in yet: it is stopped, or gone.
constexpr std::size_t unsent_bytes_max = 4096;

common::RequestHead upgrade_request(const common::Address& address) {
    common::RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.fields.add("Host", common::to_string(address));
    head.fields.add("Connection", "Upgrade");
    head.fields.add("Upgrade", headers::slot_protocol);
    head.fields.add(headers::sluice_slots, headers::slots_open);
    return head;
}

}  // namespace

// Kept by its reading task; the writing task ends before that.
struct SlotStreams::Stream {
    Stream(PodId pod_, common::Address address_, boost::asio::any_io_executor executor, Instant now)
        : pod(pod_), address(std::move(address_)), want(now), wake(executor), written(executor) {}

    bool open() const { return number != 0 && !ended; }
    void say(const SlotMessage& message) {
        unsent += to_line(message);
        if (unsent.size() > unsent_bytes_max) end();
        wake.notify();
    }
    // Closed, not cancelled: no later step can begin a new wait.
    void end() {
        ended = true;
        if (connection) connection->close();
        wake.notify();
    }

    PodId pod;
    common::Address address;
    SlotWant want;
    std::unique_ptr<common::BackendConnection> connection;
    std::uint64_t number = 0;  // at the queue-proxy; 0 until it has answered
    std::string unsent;
    common::Signal wake;     // of the writing task
    common::Signal written;  // it has ended
    bool writing = false;
    bool ended = false;
};

SlotStreams::SlotStreams(common::TaskGroup& tasks, common::TimeSource& time, Router& router)
    : tasks_(tasks), time_(time), router_(router), timer_(time.make_timer()) {}

SlotStreams::~SlotStreams() = default;

// --- Streams.

void SlotStreams::reserve(PodId id) {
    const Pod* pod = router_.pod(id);
    // A stream that is about to end says reservation_lost() when it has.
    if (streams_.contains(id)) return;
    bool started = false;
    if (pod != nullptr && !closed_) {
        const auto stream =
            std::make_shared<Stream>(id, pod->address, tasks_.executor(), time_.now());
        streams_.emplace(id, stream);
        started = tasks_.spawn("slot stream", run(stream));
        if (!started) streams_.erase(id);
    }
    if (started) return;
    boost::asio::post(tasks_.executor(), [this, id, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) router_.reservation_lost(id);
    });
}

awaitable<void> SlotStreams::run(std::shared_ptr<Stream> stream) {
    const bool opened = co_await open(*stream);
    if (opened) {
        stream->writing = true;  // first: the task may end before spawn() returns
        if (!tasks_.spawn("slot stream", speak(*stream))) stream->writing = false;
        if (stream->writing) {
            router_.reservation_open(stream->pod);
            follow(*stream, time_.now());
            co_await listen(*stream);
        }
    }
    stream->end();
    while (stream->writing)
        co_await stream->written.wait();
    streams_.erase(stream->pod);
    if (!closed_) router_.reservation_lost(stream->pod);
}

awaitable<bool> SlotStreams::open(Stream& stream) {
    common::DialResult dialled = co_await common::dial(time_, stream.address, open_timeout);
    if (dialled.ec || stream.ended) co_return false;
    stream.connection = std::make_unique<common::BackendConnection>(std::move(dialled.stream),
                                                                    common::ParserLimits{});
    common::Watchdog watchdog(time_, [&stream] { stream.end(); });
    watchdog.set(time_.now() + open_timeout);
    stream.connection->start_request(upgrade_request(stream.address));
    common::error_code ec = co_await stream.connection->flush();
    common::ResponseHead head;
    if (!ec) ec = co_await stream.connection->read_head(head);
    if (ec || stream.ended || head.status != 101) co_return false;
    const std::int64_t number =
        common::parse_int(head.fields.get(headers::sluice_slots)).value_or(0);
    if (number <= 0) co_return false;
    stream.number = static_cast<std::uint64_t>(number);
    co_return true;
}

awaitable<void> SlotStreams::listen(Stream& stream) {
    common::SlotLines lines;
    while (!stream.ended) {
        std::string_view bytes;
        const common::IoResult read = co_await stream.connection->read_tunnel(bytes);
        if (read.ec) co_return;
        lines.add(bytes);
        while (const std::optional<SlotMessage> message = lines.next())
            hear(stream, *message);
        if (lines.broken()) co_return;
    }
}

awaitable<void> SlotStreams::speak(Stream& stream) {
    while (!stream.ended) {
        if (stream.unsent.empty()) {
            co_await stream.wake.wait();
            continue;
        }
        const std::string bytes = std::exchange(stream.unsent, {});
        const common::error_code ec = co_await stream.connection->write_tunnel(bytes);
        if (ec) stream.end();
    }
    stream.writing = false;
    stream.written.notify();
}

void SlotStreams::hear(Stream& stream, const SlotMessage& message) {
    const Instant now = time_.now();
    if (message.kind == SlotMessage::Kind::lapse) {
        stream.want.lapsed(message.number, now);
        changed();
        return;
    }
    if (message.kind != SlotMessage::Kind::grant) {
        stream.end();
        return;
    }
    if (!stream.want.take_grant(message.number, now)) return;
    const SlotGrant grant{stream.pod, stream.number, message.number};
    if (router_.grant(grant)) {
        follow(stream, now);
    } else {
        stream.say(SlotWant::give_back(message.number));
    }
}

void SlotStreams::give_back(const SlotGrant& grant) {
    const auto it = streams_.find(grant.pod);
    const bool same = it != streams_.end() && it->second->number == grant.stream;
    if (same && it->second->open()) it->second->say(SlotWant::give_back(grant.number));
}

void SlotStreams::close() {
    closed_ = true;
    timer_->disarm();
    for (const auto& [pod, stream] : streams_)
        stream->end();
}

// --- What is wanted.

void SlotStreams::changed() {
    if (streams_.empty() || pass_posted_ || closed_) return;
    pass_posted_ = true;
    // Once a turn, however many requests came and went in it.
    boost::asio::post(tasks_.executor(), [this, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        pass_posted_ = false;
        pass();
    });
}

void SlotStreams::pass() {
    if (closed_) return;
    const Instant now = time_.now();
    if (passed_at_ != Instant::min()) {
        if (now < passed_at_ + pass_period) {
            arm(true, passed_at_);
            return;
        }
        const double earned = common::to_seconds(now - passed_at_) * updates_per_s;
        updates_left_ = std::min(updates_left_ + earned, updates_at_once);
    }
    passed_at_ = now;
    const bool all = follow_new(now) && follow_others(now);
    arm(!all, now);
}

// Reservations where there is none. False: there are more to make.
bool SlotStreams::follow_new(Instant now) {
    for (const auto& [pod, stream] : streams_) {
        if (!stream->open() || stream->want.waiting() || !router_.wanted(pod)) continue;
        if (!take_update()) return false;
        follow(*stream, now);
    }
    return true;
}

// Ages and renewals, and what is not wanted any more; from where the last pass had to stop.
bool SlotStreams::follow_others(Instant now) {
    auto next = streams_.upper_bound(last_followed_);
    for (std::size_t i = 0; i < streams_.size(); ++i, ++next) {
        if (next == streams_.end()) next = streams_.begin();
        Stream& stream = *next->second;
        if (!stream.open()) continue;
        if (updates_left_ < 1) return false;
        const std::size_t unsent = stream.unsent.size();
        follow(stream, now);
        if (stream.unsent.size() != unsent) take_update();
        last_followed_ = stream.pod;
    }
    return true;
}

bool SlotStreams::take_update() {
    if (updates_left_ < 1) return false;
    updates_left_ -= 1;
    return true;
}

void SlotStreams::follow(Stream& stream, Instant now) {
    if (!stream.open()) return;
    const std::optional<SlotMessage> message = stream.want.follow(router_.wanted(stream.pod), now);
    if (message) stream.say(*message);
    if (stream.want.over(now) || router_.pod(stream.pod) == nullptr) stream.end();
}

// `more`: another pass follows as soon as it may; else when something is due by itself.
void SlotStreams::arm(bool more, Instant now) {
    Instant deadline = more ? now + pass_period : Instant::max();
    if (!more) {
        for (const auto& [pod, stream] : streams_) {
            if (stream->open()) deadline = std::min(deadline, stream->want.next_deadline());
        }
    }
    if (deadline == Instant::max()) {
        timer_->disarm();
    } else {
        timer_->arm(deadline, [this] { pass(); });
    }
}

}  // namespace activator
