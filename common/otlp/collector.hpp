// Where one signal (traces, metrics) is sent, and how.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/parse.hpp"
#include "common/core/time.hpp"
#include "common/otlp/message.hpp"

namespace common {

enum class OtlpProtocol : std::uint8_t { grpc, http_protobuf, http_json };

struct OtlpCollector {
    HttpUrl url;  // with the whole path: gRPC's is the method's
    OtlpProtocol protocol = OtlpProtocol::http_protobuf;
    OtlpAttributes headers;  // may be secrets: never shown
    std::string ca_file;     // empty: the system's
    std::string certificate_file;
    std::string key_file;
    Duration timeout = std::chrono::seconds(10);
};

// As OTEL_EXPORTER_OTLP_PROTOCOL and Knative spell it.
constexpr std::string_view to_string(OtlpProtocol protocol) {
    switch (protocol) {
        case OtlpProtocol::grpc:
            return "grpc";
        case OtlpProtocol::http_protobuf:
            return "http/protobuf";
        case OtlpProtocol::http_json:
            break;
    }
    return "http/json";
}

}  // namespace common
