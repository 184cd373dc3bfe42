#include "proxy/slot_streams.hpp"

#include <string>
#include <utility>

#include "common/async/watchdog.hpp"
#include "common/http/simple_response.hpp"
#include "common/protocol/headers.hpp"
#include "proxy/answers.hpp"

namespace proxy {
namespace {

namespace headers = common::headers;
using common::awaitable;

// Answers that the activator has not taken in yet: some hundred of them, when each needs a `want`.
constexpr std::size_t unsent_bytes_max = 4096;

common::ResponseHead switching(std::uint32_t number) {
    common::ResponseHead head;
    head.status = 101;
    head.fields.add("Connection", "Upgrade");
    head.fields.add("Upgrade", headers::slot_protocol);
    head.fields.add(headers::sluice_slots, std::to_string(number));
    return head;
}

}  // namespace

// Lives in serve(), which waits for the writing task.
struct SlotStreams::Stream {
    Stream(common::Exchange& exchange, boost::asio::any_io_executor executor)
        : client(exchange), wake(executor), written(executor) {}

    void say(const SlotMessage& message) {
        unsent += to_line(message);
        if (unsent.size() > unsent_bytes_max) end();
        wake.notify();
    }
    void end() {
        if (std::exchange(ended, true)) return;
        client.cancel();
        wake.notify();
    }

    common::Exchange& client;
    std::string unsent;
    common::Signal wake;     // of the writing task
    common::Signal written;  // it has ended
    bool writing = false;
    bool ended = false;
};

awaitable<void> SlotStreams::serve(common::Exchange& client) {
    if (closed_ || streams_.size() >= streams_max) {
        common::SimpleResponse response = plain_error(503, "too many slot streams");
        co_await common::respond(client, std::move(response));
        co_return;
    }
    Stream stream(client, tasks_.executor());
    const auto entry = streams_.insert(streams_.end(), &stream);
    const std::uint32_t number =
        gate_.open_stream([&stream](const SlotMessage& message) { stream.say(message); });
    common::ResponseHead head = switching(number);
    const common::error_code ec = co_await client.send_upgrade(head);
    stream.writing = true;  // first: the task may end before spawn() returns
    if (ec || !tasks_.spawn("slot stream", speak(stream))) {
        stream.ended = true;
        stream.writing = false;
    }
    co_await listen(stream, number);
    gate_.close_stream(number);
    stream.end();
    while (stream.writing)
        co_await stream.written.wait();
    streams_.erase(entry);
}

awaitable<void> SlotStreams::listen(Stream& stream, std::uint32_t number) {
    common::Watchdog watchdog(time_, [&stream] { stream.end(); });
    common::SlotLines lines;
    while (!stream.ended) {
        watchdog.set(time_.now() + silence_max);
        std::string_view bytes;
        const common::IoResult read = co_await stream.client.read_tunnel(bytes);
        if (read.ec || stream.ended) co_return;
        lines.add(bytes);
        while (const std::optional<SlotMessage> message = lines.next()) {
            const bool ours = message->kind == SlotMessage::Kind::want ||
                              message->kind == SlotMessage::Kind::none;
            if (!ours) co_return;
            gate_.hear(number, *message);
        }
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
        const common::error_code ec = co_await stream.client.write_tunnel(bytes);
        if (ec) stream.end();
    }
    stream.writing = false;
    stream.written.notify();
}

void SlotStreams::close() {
    closed_ = true;
    for (Stream* stream : streams_)
        stream->end();
}

}  // namespace proxy
