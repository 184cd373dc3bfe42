// One small request of our own: a probe, a call of an application's control path, spans for a
// collector. A new connection, one deadline for everything, a bounded answer.
#pragma once

#include <optional>
#include <string>

#include "common/async/awaitable.hpp"
#include "common/core/time.hpp"
#include "common/http/head.hpp"
#include "common/net/address.hpp"
#include "common/net/connect.hpp"
#include "common/net/stream.hpp"
#include "common/net/tls_config.hpp"
#include "common/time/time_source.hpp"

namespace common {

struct FetchRequest {
    Address address;
    Protocol protocol = Protocol::http1;  // HTTP/2: with prior knowledge
    std::optional<TlsUse> tls;
    RequestHead head;  // Host is added if it is missing; Connection: close always
    std::string body;
    Duration timeout = std::chrono::seconds(1);
    std::size_t body_bytes_max = std::size_t{64} << 10;
};

struct FetchResult {
    error_code ec;           // timed_out; message_size when the answer is longer than allowed
    bool connected = false;  // TCP; what TLS says to it is `ec`
    ResponseHead head;
    std::string body;
    Fields trailers;
};

awaitable<FetchResult> fetch(TimeSource& time, FetchRequest request);
// To a host by its name, with or without TLS; request.address means nothing then.
awaitable<FetchResult> fetch(TimeSource& time, ConnectTarget target, FetchRequest request);

}  // namespace common
