// What a collector's answer means: taken, not now, or never. Pure; everything in it comes from
// outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/time.hpp"
#include "common/http/head.hpp"

namespace common {

struct OtlpAnswer {
    enum class Outcome : std::uint8_t {
        sent,
        refused,  // the same again would be refused again
        failed,   // it may go better later
    };
    Outcome outcome = Outcome::failed;
    // Why it is not sent; or what of it the collector did not take, for people.
    std::string reason;
    std::optional<Duration> after;  // not before that: Retry-After, RetryInfo
};

OtlpAnswer otlp_http_answer(const ResponseHead& head, std::string_view body);
// `body`: with gRPC's frame.
OtlpAnswer otlp_grpc_answer(const ResponseHead& head, const Fields& trailers,
                            std::string_view body);
// `message` in a frame of gRPC's: not compressed.
std::string grpc_frame(std::string_view message);

}  // namespace common
