#include "sluice/top/event_source.hpp"

#include <utility>

#include <boost/asio/error.hpp>

#include "common/async/watchdog.hpp"
#include "common/net/connect.hpp"
#include "sluice/text_width.hpp"

namespace sluice::top {
namespace {

using common::awaitable;

constexpr common::Duration connect_max = std::chrono::seconds(3);
// The server says something each 10 s at least (activator/live_stream.hpp).
constexpr common::Duration silence_max = std::chrono::seconds(25);
constexpr std::string_view unreserved =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

// RFC 3986 2.1.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        if (unreserved.find(c) != unreserved.npos) {
            encoded += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += digits[byte >> 4];
        encoded += digits[byte & 15];
    }
    return encoded;
}

common::RequestHead request_for(const AdminServer& server, const std::string& revision) {
    common::RequestHead head;
    head.method = "GET";
    head.target = "/api/events";
    if (!revision.empty()) head.target += "?revision=" + percent_encoded(revision);
    head.fields.add("Host", server.name());
    head.fields.add("Accept", "text/event-stream");
    head.fields.add("Connection", "close");
    if (!server.token.empty()) head.fields.add("Authorization", "Bearer " + server.token);
    return head;
}

StreamEnd refusal(const common::ResponseHead& head, bool with_token) {
    if (head.status == 401) {
        return {with_token ? "the server does not take this token"
                           : "the server wants its token: --token-file",
                true};
    }
    const std::string answer =
        "the server answered " + std::to_string(head.status) + " " + printable(head.reason);
    return {answer, head.status < 500};
}

}  // namespace

std::string AdminServer::name() const {
    const bool six = address.host.find(':') != std::string::npos;
    return (six ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

EventSource::EventSource(common::TimeSource& time, AdminServer server, OnEvent on_event)
    : time_(time), server_(std::move(server)), on_event_(std::move(on_event)) {}

void EventSource::stop() {
    stopped_ = true;
    if (connection_) connection_->close();
}

awaitable<StreamEnd> EventSource::follow(std::string revision) {
    stopped_ = false;
    common::ConnectTarget target;
    target.host = server_.address;
    common::DialResult dialled = co_await common::connect(time_, std::move(target), connect_max);
    StreamEnd end;
    if (stopped_) co_return end;
    if (dialled.ec) {
        end.reason = "cannot connect: " + dialled.ec.message();
        co_return end;
    }
    connection_ = std::make_unique<common::BackendConnection>(std::move(dialled.stream),
                                                              common::ParserLimits{});
    common::RequestHead request = request_for(server_, revision);
    end = co_await read_events(std::move(request));
    connection_.reset();
    if (stopped_) end = {};
    co_return end;
}

awaitable<StreamEnd> EventSource::read_events(common::RequestHead request) {
    common::Watchdog watchdog(time_, [this] { connection_->close(); });
    watchdog.set(time_.now() + silence_max);
    StreamEnd end;
    connection_->start_request(request);
    common::BodyPiece piece;
    piece.last = true;
    common::ResponseHead head;
    common::error_code ec = co_await connection_->send_body(piece);
    if (!ec) ec = co_await connection_->read_head(head);
    if (!ec && head.status != 200) {
        end = refusal(head, !server_.token.empty());
        co_return end;
    }
    std::string problem;
    EventReader reader([&](std::string_view name, std::string_view data) {
        if (problem.empty()) problem = on_event_(name, data);
    });
    while (!ec && !connection_->response_done()) {
        const common::BodyRead read = co_await connection_->read_body();
        ec = read.ec;
        if (ec) break;
        watchdog.set(time_.now() + silence_max);
        for (const std::string_view part : read.piece.parts) {
            if (!reader.feed(part)) problem = "it sent an event that is too long";
        }
        if (problem.empty()) continue;
        end.reason = problem;
        co_return end;
    }
    end.reason = "the connection ended";
    if (watchdog.expired()) end.reason = "the server says nothing any more";
    co_return end;
}

}  // namespace sluice::top
