#include "proxy/try_probe.hpp"

#include <optional>
#include <utility>

#include "common/core/parse.hpp"
#include "common/forward/fetch.hpp"
#include "common/http/fields.hpp"
#include "common/net/dialer.hpp"
#include "proxy/grpc_health.hpp"

namespace proxy {
namespace {

using common::awaitable;
using common::Duration;

constexpr int redirects_max = 10;  // as Go's client
constexpr std::size_t probe_body_max = std::size_t{10} << 10;

common::Address local(std::uint16_t port) {
    return {.host = "127.0.0.1", .port = port, .unix_path = {}};
}

// As the kubelet, no certificate is looked at: the application is in this pod, on loopback, and
// nearly all that serve TLS there sign for themselves. (Stock verifies against the system's
// authorities, contract 4.4: what passes there passes here.)
std::optional<common::TlsUse> any_certificate(std::shared_ptr<const common::TlsContext>& context) {
    if (!context) {
        common::TlsClientParameters parameters;
        parameters.tls12 = true;
        parameters.any_server = true;
        context = common::TlsContext::make_client(parameters).context;
    }
    return common::TlsUse{context, {.name = "127.0.0.1", .also = {}}};
}

common::FetchRequest http_request(const HttpProbe& probe) {
    common::FetchRequest request;
    request.address = local(probe.port);
    request.body_bytes_max = probe_body_max;
    request.head.method = "GET";
    request.head.target = probe.path;
    // The user's Host and User-Agent have no effect (contract 4.4).
    request.head.fields.add("User-Agent", "kube-probe//");
    for (const auto& [name, value] : probe.headers) {
        const bool ignored = common::equal_ignoring_case(name, "Host") ||
                             common::equal_ignoring_case(name, "User-Agent");
        if (!ignored) request.head.fields.add(name, value);
    }
    request.head.fields.add("Accept-Encoding", "gzip");
    return request;
}

struct RedirectTarget {
    common::Address address;
    std::string path;
    bool https = false;
};

// Where a redirect leads, if that is this pod again: "/path" or an absolute URL on 127.0.0.1.
std::optional<RedirectTarget> redirect_target(std::string_view location,
                                              const RedirectTarget& from) {
    if (location.starts_with('/') && !location.starts_with("//"))
        return RedirectTarget{from.address, std::string(location), from.https};
    RedirectTarget target;
    target.https = location.starts_with("https://");
    if (!target.https && !location.starts_with("http://")) return std::nullopt;
    location.remove_prefix(target.https ? 8 : 7);
    const std::size_t slash = location.find('/');
    const std::string_view authority = location.substr(0, slash);
    target.path = slash == std::string_view::npos ? "/" : location.substr(slash);
    const std::size_t colon = authority.rfind(':');
    const std::string_view host = authority.substr(0, colon);
    if (host != "127.0.0.1" && host != "localhost") return std::nullopt;
    target.address = local(target.https ? 443 : 80);
    if (colon == std::string_view::npos) return target;
    const auto port = common::parse_int(authority.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) return std::nullopt;
    target.address.port = static_cast<std::uint16_t>(*port);
    return target;
}

awaitable<ProbeResult> try_http_as(TryProbeOptions options, common::FetchRequest request,
                                   common::Instant deadline) {
    common::TimeSource& time = options.time;
    ProbeResult result;
    for (int i = 0; i <= redirects_max; ++i) {
        request.timeout = deadline - time.now();
        common::FetchRequest next = request;
        const common::FetchResult fetched = co_await common::fetch(time, std::move(next));
        // A body that is too long has told its status all the same.
        result.connected = result.connected || fetched.connected;
        const bool answered = !fetched.ec || fetched.ec == boost::system::errc::message_size;
        if (!answered) {
            result.error = "HTTP probe failed: " + fetched.ec.message();
            co_return result;
        }
        const int status = fetched.head.status;
        const std::string_view location = fetched.head.fields.get("Location");
        if (status >= 300 && status < 400 && !location.empty()) {
            const RedirectTarget here{request.address, {}, request.tls.has_value()};
            const auto target = redirect_target(location, here);
            if (!target) {
                result.error = "HTTP probe was redirected out of the pod";
                co_return result;
            }
            request.address = target->address;
            request.head.target = target->path;
            request.tls.reset();
            if (target->https) request.tls = any_certificate(options.tls);
            continue;
        }
        result.passed = status >= 200 && status < 400;
        if (!result.passed)
            result.error =
                "HTTP probe did not respond Ready, got status code: " + std::to_string(status);
        co_return result;
    }
    result.error = "HTTP probe stopped after 10 redirects";
    co_return result;
}

awaitable<ProbeResult> try_http(TryProbeOptions options, HttpProbe probe, Duration timeout) {
    const common::Instant deadline = options.time.now() + timeout;
    common::FetchRequest request = http_request(probe);
    if (probe.https) {
        request.tls = any_certificate(options.tls);
    } else if (options.detect_http2) {
        // Contract 4.4: which protocol is asked without the user's headers, and HTTP/1.1 gets none.
        HttpProbe bare = probe;
        bare.headers.clear();
        common::FetchRequest first = http_request(bare);
        first.protocol = common::Protocol::http2;
        // An HTTP/1.1 application that just waits for more must not use up all the time.
        const common::Instant half = options.time.now() + timeout / 2;
        const ProbeResult http2 = co_await try_http_as(options, first, half);
        if (http2.passed) {
            request.protocol = common::Protocol::http2;
        } else {
            request = http_request(bare);
        }
    }
    co_return co_await try_http_as(options, std::move(request), deadline);
}

awaitable<ProbeResult> try_grpc(common::TimeSource& time, GrpcProbe probe, Duration timeout) {
    common::FetchRequest request;
    request.address = local(probe.port);
    request.protocol = common::Protocol::http2;
    request.timeout = timeout;
    request.body_bytes_max = probe_body_max;
    request.head.method = "POST";
    request.head.target = "/grpc.health.v1.Health/Check";
    request.head.fields.add("Content-Type", "application/grpc");
    request.head.fields.add("User-Agent", "kube-probe//");
    request.head.fields.add("Te", "trailers");
    request.body = health_check_request(probe.service);
    const common::FetchResult fetched = co_await common::fetch(time, std::move(request));
    ProbeResult result;
    // An answer without a message has its status in the head.
    std::string_view status = fetched.trailers.get("grpc-status");
    if (status.empty()) status = fetched.head.fields.get("grpc-status");
    result.passed =
        !fetched.ec && fetched.head.status == 200 && status == "0" && says_serving(fetched.body);
    if (result.passed) co_return result;
    result.error = "gRPC probe failed: ";
    if (fetched.ec) {
        result.error += fetched.ec.message();
    } else {
        result.error += status == "0" ? "not SERVING" : "status " + std::string(status);
    }
    co_return result;
}

awaitable<ProbeResult> try_tcp(common::TimeSource& time, TcpProbe probe, Duration timeout) {
    common::DialResult dialled = co_await common::dial(time, local(probe.port), timeout);
    ProbeResult result;
    result.passed = result.connected = !dialled.ec;
    if (dialled.ec) {
        result.error =
            "dial tcp 127.0.0.1:" + std::to_string(probe.port) + ": " + dialled.ec.message();
    } else {
        dialled.stream->close();
    }
    co_return result;
}

}  // namespace

awaitable<ProbeResult> try_probe(TryProbeOptions options, ProbeHandler handler, Duration timeout) {
    if (const auto* http = std::get_if<HttpProbe>(&handler))
        co_return co_await try_http(options, *http, timeout);
    if (const auto* tcp = std::get_if<TcpProbe>(&handler))
        co_return co_await try_tcp(options.time, *tcp, timeout);
    if (const auto* grpc = std::get_if<GrpcProbe>(&handler))
        co_return co_await try_grpc(options.time, *grpc, timeout);
    ProbeResult result;
    result.error = std::get<ImpossibleProbe>(handler).reason;
    co_return result;
}

}  // namespace proxy
