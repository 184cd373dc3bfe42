#include "activator/kubernetes/api_client.hpp"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/json_fields.hpp"
#include "common/async/watchdog.hpp"
#include "common/net/connect.hpp"

namespace activator::kubernetes {
namespace {

using common::awaitable;
using common::error_code;

constexpr common::Duration connect_timeout = std::chrono::seconds(5);
constexpr common::Duration answer_timeout = std::chrono::seconds(30);
constexpr int forbidden = 403;
constexpr std::size_t body_bytes_max = std::size_t{64} << 20;

std::string trimmed(std::string text) {
    while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' '))
        text.pop_back();
    return text;
}

}  // namespace

ApiClient::ApiClient(common::TimeSource& time, ApiAccess access)
    : time_(time), access_(std::move(access)) {}

std::shared_ptr<const common::TlsContext> ApiClient::tls_context(std::string& problem) {
    std::string ca = access_.ca;
    if (!access_.ca_file.empty()) {
        std::optional<std::string> text = common::read_file(access_.ca_file);
        if (!text && !context_) problem = access_.ca_file + ": cannot be read";
        ca = text ? std::move(*text) : ca_;
    }
    if (!problem.empty() || (context_ && ca == ca_)) return context_;
    common::TlsClientParameters parameters;
    parameters.ca = ca;
    parameters.certificate = access_.certificate;
    parameters.key = access_.key;
    parameters.tls12 = true;
    common::TlsContext::Made made = common::TlsContext::make_client(parameters);
    if (!made.context) {
        problem = made.error;
        return nullptr;
    }
    ca_ = std::move(ca);
    context_ = std::move(made.context);
    return context_;
}

awaitable<ApiClient::Opened> ApiClient::open(std::string target) {
    Request request;
    request.target = std::move(target);
    return send(std::move(request));
}

common::RequestHead ApiClient::head_of(const Request& request) const {
    common::RequestHead head;
    head.method = request.method;
    head.target = request.target;
    head.fields.add("Host", common::to_string({access_.host.host, access_.host.port, {}}));
    head.fields.add("Accept", "application/json");
    head.fields.add("User-Agent", "sluice-activator/" SLUICE_VERSION);
    std::string token = access_.token;
    if (!access_.token_file.empty())
        token = trimmed(common::read_file(access_.token_file).value_or(token));
    if (!token.empty()) head.fields.add("Authorization", "Bearer " + token);
    if (!request.body.empty()) {
        head.fields.add("Content-Type", request.content_type);
        head.fields.add("Content-Length", std::to_string(request.body.size()));
        head.body = {common::BodyKind::length, request.body.size()};
    }
    return head;
}

awaitable<ApiClient::Opened> ApiClient::send(Request request) {
    Opened opened;
    common::ConnectTarget to;
    to.host = access_.host;
    if (access_.tls) {
        common::TlsUse use;
        use.context = tls_context(opened.problem);
        use.server.name = access_.host.host;
        if (!use.context) co_return opened;
        to.tls = std::move(use);
    }
    common::DialResult dialled = co_await common::connect(time_, to, connect_timeout);
    if (dialled.ec) {
        opened.problem = "cannot connect: " + dialled.ec.message();
        co_return opened;
    }
    const common::RequestHead head = head_of(request);
    auto connection = std::make_unique<common::BackendConnection>(std::move(dialled.stream),
                                                                  common::ParserLimits{});
    common::Watchdog watchdog(time_, [&connection] { connection->close(); });
    watchdog.set(time_.now() + answer_timeout);
    connection->start_request(head);
    error_code ec;
    if (!request.body.empty()) {
        const std::array<std::string_view, 1> parts{request.body};
        common::BodyPiece piece;
        piece.parts = parts;
        piece.bytes = request.body.size();
        piece.last = true;
        ec = co_await connection->send_body(piece);
    }
    if (!ec) ec = co_await connection->flush();
    common::ResponseHead answer;
    if (!ec) ec = co_await connection->read_head(answer);
    if (watchdog.expired()) ec = make_error_code(boost::system::errc::timed_out);
    if (ec) opened.problem = "no answer: " + ec.message();
    if (ec) co_return opened;
    opened.status = answer.status;
    opened.connection = std::move(connection);
    co_return opened;
}

awaitable<ApiClient::Answer> ApiClient::read_all(Opened opened) {
    Answer answer;
    answer.status = opened.status;
    common::BackendConnection& connection = *opened.connection;
    common::Watchdog watchdog(time_, [&connection] { connection.close(); });
    watchdog.set(time_.now() + answer_timeout);
    while (!connection.response_done()) {
        const common::BodyRead read = co_await connection.read_body();
        if (read.ec) {
            answer.problem = "the answer broke off: " + read.ec.message();
            co_return answer;
        }
        for (const std::string_view part : read.piece.parts)
            answer.body.append(part);
        if (answer.body.size() > body_bytes_max) {
            answer.problem = "the answer is longer than 64 MiB";
            co_return answer;
        }
    }
    co_return answer;
}

awaitable<ApiClient::Answer> ApiClient::get(std::string target) {
    Request request;
    request.target = std::move(target);
    return call(std::move(request));
}

awaitable<ApiClient::Answer> ApiClient::call(Request request) {
    Opened opened = co_await send(std::move(request));
    if (opened.problem.empty()) co_return co_await read_all(std::move(opened));
    Answer answer;
    answer.problem = std::move(opened.problem);
    co_return answer;
}

std::string problem_of(const std::string& what, const ApiClient::Answer& answer) {
    if (!answer.problem.empty()) return what + ": " + answer.problem;
    if (answer.status < 300) return {};
    if (answer.status == forbidden) return what + ": no right to do this (403); see the role";
    const nlohmann::json status = nlohmann::json::parse(answer.body, nullptr, false);
    std::string line = what + ": the API server answered " + std::to_string(answer.status);
    const std::string message = text(status, {"message"});
    return message.empty() ? line : line + ": " + message;
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (plain.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

}  // namespace activator::kubernetes
