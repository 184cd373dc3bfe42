// Brings messages to a collector, one connection each: OTLP over HTTP or gRPC, with or without TLS.
#pragma once

#include <memory>
#include <string>

#include "common/async/awaitable.hpp"
#include "common/net/connect.hpp"
#include "common/otlp/answer.hpp"
#include "common/otlp/collector.hpp"
#include "common/time/time_source.hpp"

namespace common {

class OtlpClient {
  public:
    // `time` outlives it.
    OtlpClient(TimeSource& time, OtlpCollector collector)
        : time_(time), collector_(std::move(collector)) {}

    // An encoded request (encode_metrics(), encode_spans()), in the protocol's encoding. The client
    // outlives the call.
    awaitable<OtlpAnswer> send(std::string message, Duration timeout);

    const OtlpCollector& collector() const { return collector_; }

  private:
    // "" or why there is no TLS. Reads files, the first time.
    std::string secure(ConnectTarget& target);

    TimeSource& time_;
    OtlpCollector collector_;
    std::shared_ptr<const TlsContext> tls_;
};

}  // namespace common
