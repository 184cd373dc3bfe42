#include "proxy/answers.hpp"

#include <cstdio>

#include <boost/asio/error.hpp>

#include "common/http/fields.hpp"
#include "common/protocol/headers.hpp"

namespace proxy {

namespace headers = common::headers;
using common::SimpleResponse;

SimpleResponse plain_error(int status, const std::string& message) {
    SimpleResponse response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.fields.add("X-Content-Type-Options", "nosniff");
    response.body = message + "\n";
    return response;
}

SimpleResponse to_response(const ProbeAnswer& answer) {
    SimpleResponse response;
    response.status = static_cast<int>(answer.status);
    response.body = answer.body;
    if (answer.plain_error) {
        response.content_type = "text/plain; charset=utf-8";
        response.fields.add("X-Content-Type-Options", "nosniff");
    }
    if (!answer.echo_hash.empty()) response.fields.add(headers::network_hash, answer.echo_hash);
    return response;
}

std::optional<SimpleResponse> answer_to_odd_form(const common::RequestHead& head) {
    const std::string_view expect = head.fields.get("Expect");
    if (!expect.empty() && !common::equal_ignoring_case(expect, "100-continue")) {
        SimpleResponse response;
        response.status = 417;
        response.fields.add("Connection", "close");
        return response;
    }
    if (head.method == "CONNECT")
        return plain_error(502, "client sent unsupported CONNECT request");
    if (head.method == "OPTIONS" && head.target == "*") return SimpleResponse{};
    return std::nullopt;
}

SimpleResponse refusal(const RequestClass& what) {
    if (what.control) return plain_error(503, "too many control requests");
    if (!what.activator_try) return plain_error(503, "pending request queue full");
    SimpleResponse response = plain_error(503, "busy");
    response.fields.add(headers::sluice_refused, headers::refused_busy);
    return response;
}

SimpleResponse timeout_answer() {
    SimpleResponse response;
    response.status = 504;
    response.content_type = "text/plain; charset=utf-8";
    response.body = timeout_body;
    return response;
}

std::string dial_error_text(std::uint16_t port, common::error_code error) {
    const std::string prefix = "dial tcp 127.0.0.1:" + std::to_string(port) + ": ";
    if (error == boost::asio::error::connection_refused)
        return prefix + "connect: connection refused";
    if (error == boost::asio::error::timed_out) return prefix + "i/o timeout";
    return prefix + "connect: " + error.message();
}

std::string error_text(common::error_code error) {
    namespace errc = boost::system::errc;
    if (error == boost::asio::error::eof) return "EOF";
    if (error == errc::bad_message) return "malformed HTTP response";
    if (error == errc::protocol_error)
        return "backend tried to switch protocol when that was not requested";
    return error.message();
}

std::string timeout_text(Timeout timeout, const Config& config) {
    Duration limit = config.total_timeout;
    if (timeout == Timeout::response_start) limit = config.response_start_timeout;
    if (timeout == Timeout::idle) limit = config.idle_timeout;
    char text[32];
    std::snprintf(text, sizeof text, ": %gs", common::to_seconds(limit));
    return std::string(timeout_name(timeout)) + text;
}

}  // namespace proxy
