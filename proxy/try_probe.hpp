// One try of one readiness probe against the application on 127.0.0.1 (contract queue-proxy 4.4).
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "common/async/awaitable.hpp"
#include "common/net/tls_config.hpp"
#include "common/time/time_source.hpp"
#include "proxy/core/probe_spec.hpp"

namespace proxy {

struct TryProbeOptions {
    common::TimeSource& time;
    // Made by the first try that needs it, and used by the later ones: few pods ever do.
    std::shared_ptr<const common::TlsContext>& tls;
    bool detect_http2 = false;
};

struct ProbeResult {
    bool passed = false;
    bool connected = false;  // the application's port is open
    std::string error;       // one line; empty if it passed
};

using ProbeHandler = decltype(ProbeSpec::handler);

// Takes `timeout` at most.
common::awaitable<ProbeResult> try_probe(TryProbeOptions options, ProbeHandler handler,
                                         common::Duration timeout);

}  // namespace proxy
