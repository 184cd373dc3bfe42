#include "common/otlp/client.hpp"

#include <utility>

#include "common/config/read_file.hpp"
#include "common/forward/fetch.hpp"

namespace common {
namespace {

constexpr const char* system_certificates = "/etc/ssl/certs/ca-certificates.crt";

std::string_view content_type(OtlpProtocol protocol) {
    switch (protocol) {
        case OtlpProtocol::grpc:
            return "application/grpc";
        case OtlpProtocol::http_protobuf:
            return "application/x-protobuf";
        case OtlpProtocol::http_json:
            break;
    }
    return "application/json";
}

FetchRequest request_for(const OtlpCollector& collector, std::string message) {
    FetchRequest request;
    request.head.method = "POST";
    request.head.target = collector.url.path;
    request.head.fields.add("Content-Type", content_type(collector.protocol));
    request.head.fields.add("User-Agent", "sluice-otlp-exporter/" SLUICE_VERSION);
    if (collector.protocol == OtlpProtocol::grpc) {
        request.protocol = Protocol::http2;
        request.head.fields.add("TE", "trailers");
        message = grpc_frame(message);
    }
    for (const auto& [name, value] : collector.headers)
        request.head.fields.set(name, value);
    request.body = std::move(message);
    return request;
}

}  // namespace

awaitable<OtlpAnswer> OtlpClient::send(std::string message, Duration timeout) {
    OtlpAnswer answer;
    ConnectTarget target;
    target.host = collector_.url.host;
    answer.reason = secure(target);
    if (!answer.reason.empty()) co_return answer;
    FetchRequest request = request_for(collector_, std::move(message));
    request.timeout = timeout;
    const FetchResult result = co_await fetch(time_, std::move(target), std::move(request));
    if (result.ec) {
        answer.reason = result.ec.message();
    } else if (collector_.protocol == OtlpProtocol::grpc) {
        answer = otlp_grpc_answer(result.head, result.trailers, result.body);
    } else {
        answer = otlp_http_answer(result.head, result.body);
    }
    co_return answer;
}

std::string OtlpClient::secure(ConnectTarget& target) {
    if (!collector_.url.tls) return {};
    if (!tls_) {
        const std::string file =
            collector_.ca_file.empty() ? system_certificates : collector_.ca_file;
        TlsClientParameters parameters;
        parameters.tls12 = true;
        parameters.http2 = collector_.protocol == OtlpProtocol::grpc;
        parameters.ca = read_file(file).value_or("");
        if (parameters.ca.empty()) return file + ": no certificates there";
        if (!collector_.certificate_file.empty()) {
            parameters.certificate = read_file(collector_.certificate_file).value_or("");
            parameters.key = read_file(collector_.key_file).value_or("");
        }
        TlsContext::Made made = TlsContext::make_client(parameters);
        if (!made.context) return made.error;
        tls_ = std::move(made.context);
    }
    target.tls.emplace();
    target.tls->context = tls_;
    target.tls->server.name = collector_.url.host.host;
    return {};
}

}  // namespace common
