// `activator --webhook`: gives pods of Deployments their queue-proxy (admission.hpp), over TLS with
// a certificate that it makes itself (webhook_certificate.hpp), and makes the key that all
// activators sign session cookies with, where there is none.
#pragma once

#include "activator/log_flags.hpp"
#include "common/core/time.hpp"
#include "common/net/address.hpp"

namespace activator::standalone {

struct WebhookOptions {
    common::Address listen{"", 8443, {}};
    LogOptions log;
    // After the first signal: requests are still answered for so long.
    common::Duration drain_delay = std::chrono::seconds(45);
};

// Reads the environment. Returns the exit code: 0 after a signal; 1 when something is wrong with
// the environment or could not start, or a second signal came. What is wrong goes to stderr.
int run_webhook(const WebhookOptions& options);

}  // namespace activator::standalone
