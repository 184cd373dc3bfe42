// How a connection turns out to be one of HTTP/2: its first bytes, or an upgrade.
#include "common/crypto/hmac.hpp"
#include "common/http/serialize.hpp"
#include "common/http/server_connection.hpp"

namespace common {
namespace {

constexpr std::size_t h2c_setting_bytes = 6;
// How a client of HTTP/2 begins (RFC 9113 3.4).
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace

ServerConnection::Preface ServerConnection::preface() const {
    const std::string_view input = input_.data();
    // Over TLS the handshake has told.
    if (!context_.limits.http2 || input.empty() || stream_->secure()) return Preface::no;
    if (!http2_preface.starts_with(input.substr(0, http2_preface.size()))) return Preface::no;
    return input.size() < http2_preface.size() ? Preface::partly : Preface::whole;
}

// RFC 7540 3.2. An application never sees such an upgrade: in its tunnel nobody would count
// requests. Where it cannot be granted (a body, TLS, settings that are none) it is ignored, as RFC
// 9110 7.8 allows.
awaitable<void> ServerConnection::upgrade_to_http2() {
    if (!request_.fields.lists("Upgrade", "h2c")) co_return;
    request_.upgrade = false;
    const Fields& fields = request_.fields;
    const std::optional<std::string> settings = base64url_decode(fields.get("HTTP2-Settings"));
    const bool granted = settings && settings->size() % h2c_setting_bytes == 0 &&
                         fields.count("HTTP2-Settings") == 1 &&
                         fields.lists("Connection", "HTTP2-Settings") && body_done() &&
                         !stream_->secure() && !context_.closing;
    if (!granted) co_return;
    ResponseHead head;
    head.status = 101;
    head.fields.add("Connection", "Upgrade");
    head.fields.add("Upgrade", "h2c");
    append_response_head(output_, head);
    const error_code ec = co_await flush();
    if (ec) co_return;
    found_http2_ = true;
    h2c_upgrade_ = std::make_unique<H2cUpgrade>(std::move(request_), *settings);
}

}  // namespace common
