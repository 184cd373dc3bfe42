#include "activator/kubernetes/autoscaler_link.hpp"

#include <utility>

#include "activator/kubernetes/core/retry_pause.hpp"
#include "common/async/watchdog.hpp"
#include "common/crypto/digests.hpp"
#include "common/crypto/hmac.hpp"
#include "common/log/log.hpp"
#include "common/net/connect.hpp"

namespace activator::kubernetes {
namespace {

using common::awaitable;
using common::websocket::Opcode;

// contract activator.md 5.3
constexpr common::Duration handshake_timeout = std::chrono::seconds(3);
constexpr common::Duration ping_period = std::chrono::milliseconds(3333);
constexpr common::Duration pong_timeout = std::chrono::seconds(10);
// The server sends control frames only; whatever else comes is read over.
constexpr std::size_t frame_bytes_max = std::size_t{64} << 10;
// A server that takes nothing for so long is as good as gone.
constexpr std::size_t frames_max = 64;
constexpr std::size_t key_bytes = 16;  // RFC 6455 4.1

}  // namespace

AutoscalerLink::AutoscalerLink(common::TaskGroup& tasks, common::TimeSource& time,
                               std::uint64_t seed, common::HostPort host)
    : tasks_(tasks),
      time_(time),
      rng_(seed),
      host_(std::move(host)),
      pinger_(time.make_timer()),
      timer_(time.make_timer()),
      wake_(tasks.executor()),
      write_(tasks.executor()),
      written_(tasks.executor()),
      lost_at_(time.now()) {}

void AutoscalerLink::start() {
    tasks_.spawn("autoscaler", run());
}

void AutoscalerLink::stop() {
    stopped_ = true;
    timer_->disarm();
    pinger_->disarm();
    wake_.notify();
    if (connection_) connection_->close();
}

void AutoscalerLink::send(const std::vector<common::WireStatMessage>& messages) {
    if (messages.empty()) return;
    if (connected_) {
        put(Opcode::binary, common::encode_stat_messages(messages));
        return;
    }
    for (const common::WireStatMessage& message : messages)
        kept_[{message.name_space, message.name}] = message;
}

awaitable<void> AutoscalerLink::run() {
    while (!stopped_) {
        std::string reason = co_await dial();
        const bool established = reason.empty();
        if (established) reason = co_await session();
        connection_.reset();
        if (stopped_) co_return;
        if (established) ++losses_;
        failures_ = established ? 0 : failures_ + 1;
        lost(reason);
        const common::Duration time_off = pause(autoscaler_pauses, failures_, rng_);
        co_await rest(time_off);
    }
}

void AutoscalerLink::lost(const std::string& reason) {
    if (reason != problem_)
        common::log_warning(
            "autoscaler_lost", "no connection to the autoscaler",
            {{"reason", reason}, {"host", host_.host}, {"port", static_cast<int>(host_.port)}});
    problem_ = reason;
}

awaitable<void> AutoscalerLink::rest(common::Duration time_off) {
    timer_->arm(time_.now() + time_off, [this] { wake_.notify(); });
    co_await wake_.wait();
}

// Returns "" and leaves connection_ after the handshake, or says what went wrong.
awaitable<std::string> AutoscalerLink::dial() {
    common::ConnectTarget target;
    target.host = host_;
    common::DialResult dialled = co_await common::connect(time_, target, handshake_timeout);
    if (dialled.ec) co_return "cannot connect: " + dialled.ec.message();
    if (stopped_) co_return "stopped";
    connection_ = std::make_unique<common::BackendConnection>(std::move(dialled.stream),
                                                              common::ParserLimits{});
    const std::string key = common::base64_encode(common::random_bytes(key_bytes));
    common::RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.fields.add("Host", host_.host + ":" + std::to_string(host_.port));
    head.fields.add("Connection", "Upgrade");
    head.fields.add("Upgrade", "websocket");
    head.fields.add("Sec-WebSocket-Version", "13");
    head.fields.add("Sec-WebSocket-Key", key);
    common::Watchdog watchdog(time_, [this] { connection_->close(); });
    watchdog.set(time_.now() + handshake_timeout);
    connection_->start_request(head);
    common::error_code ec = co_await connection_->flush();
    common::ResponseHead answer;
    if (!ec) ec = co_await connection_->read_head(answer);
    if (watchdog.expired()) co_return "the handshake took too long";
    if (ec) co_return "no handshake: " + ec.message();
    if (answer.status != 101) co_return "answered " + std::to_string(answer.status);
    if (answer.fields.get("Sec-WebSocket-Accept") != common::websocket::accept_of(key))
        co_return "a wrong Sec-WebSocket-Accept";
    co_return std::string();
}

// Returns why it ended.
awaitable<std::string> AutoscalerLink::session() {
    common::log_info("autoscaler_connected", "connected to the autoscaler",
                     {{"host", host_.host}, {"port", static_cast<int>(host_.port)}});
    problem_.clear();
    connected_ = was_connected_ = true;
    frames_.clear();
    tasks_.spawn("autoscaler writer", write());
    deliver_kept();
    ping();
    common::Watchdog watchdog(time_, [this] { connection_->close(); });
    pong_due_ = time_.now() + pong_timeout;
    common::websocket::FrameReader reader(frame_bytes_max);
    std::string reason;
    while (reason.empty()) {
        watchdog.set(pong_due_);
        std::string_view bytes;
        const common::IoResult read = co_await connection_->read_tunnel(bytes);
        if (watchdog.expired()) {
            reason = "no pong in 10 s";
        } else if (read.ec) {
            reason = "the connection broke: " + read.ec.message();
        } else {
            reader.feed(bytes);
            reason = take_frames(reader);
        }
    }
    watchdog.clear();
    pinger_->disarm();
    connected_ = false;
    lost_at_ = time_.now();
    connection_->close();
    write_.notify();
    co_await written_.wait();
    co_return reason;
}

// Returns why the session is over, or "".
std::string AutoscalerLink::take_frames(common::websocket::FrameReader& reader) {
    while (const auto frame = reader.next()) {
        if (frame->opcode == Opcode::pong) pong_due_ = time_.now() + pong_timeout;
        if (frame->opcode == Opcode::ping) put(Opcode::pong, frame->payload);
        if (frame->opcode != Opcode::close) continue;
        std::string reason = "closed by the autoscaler";
        if (frame->payload.size() >= 2) {
            const auto high = static_cast<unsigned char>(frame->payload[0]);
            const auto low = static_cast<unsigned char>(frame->payload[1]);
            reason += " with " + std::to_string(high * 256 + low);
        }
        return reason;
    }
    return reader.failed() ? "the autoscaler sent no good frame" : "";
}

void AutoscalerLink::put(Opcode opcode, std::string_view payload) {
    const auto mask = static_cast<std::uint32_t>(rng_.next());
    frames_.push_back(common::websocket::client_frame(opcode, payload, mask));
    if (frames_.size() > frames_max) {
        connection_->close();
        return;
    }
    write_.notify();
}

void AutoscalerLink::ping() {
    put(Opcode::ping, "");
    pinger_->arm(time_.now() + ping_period, [this] { ping(); });
}

void AutoscalerLink::deliver_kept() {
    std::vector<common::WireStatMessage> messages;
    for (auto& [name, message] : std::exchange(kept_, {}))
        messages.push_back(message);
    send(messages);
}

awaitable<void> AutoscalerLink::write() {
    while (connected_) {
        if (frames_.empty()) {
            co_await write_.wait();
            continue;
        }
        const std::string frame = std::move(frames_.front());
        frames_.pop_front();
        const common::error_code ec = co_await connection_->write_tunnel(frame);
        if (!ec) continue;
        connection_->close();
        break;
    }
    written_.notify();
}

}  // namespace activator::kubernetes
