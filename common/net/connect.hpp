// A connection of our own to a named host, with or without TLS: resolve, dial, shake hands, all by
// one deadline.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/core/parse.hpp"
#include "common/net/dialer.hpp"
#include "common/net/tls_config.hpp"

namespace common {

struct ConnectTarget {
    HostPort host;
    std::optional<TlsUse> tls;
};

// The addresses are tried one after the other. `ec` is of the last failure.
awaitable<DialResult> connect(TimeSource& time, ConnectTarget target, Duration timeout);

// Says how connections to an address are secured; empty: they are not. May be unset: none is.
using Secure = std::function<std::optional<TlsUse>(const Address&)>;

// A connection to a backend, secured as `secure` says. It outlives the call.
awaitable<DialResult> dial_backend(TimeSource& time, Address address, const Secure& secure,
                                   Duration timeout);

// TLS, as its client, over a connected stream.
awaitable<DialResult> secure(TimeSource& time, std::unique_ptr<Stream> stream, TlsUse use,
                             Duration timeout);

}  // namespace common
