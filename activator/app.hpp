// The activator program: a gateway whose revisions and pods come from a file, an admin port, and an
// orderly end.
#pragma once

#include <string>
#include <vector>

#include "activator/client_limits.hpp"
#include "activator/client_tls.hpp"
#include "activator/log_flags.hpp"
#include "common/core/time.hpp"
#include "common/net/address.hpp"

namespace activator {

struct AppOptions {
    common::Address listen{"", 8012, {}};  // contract activator.md 1.3
    common::Address admin{"127.0.0.1", 9090, {}};
    std::string pod_file;
    std::string handover_file;     // a Unix socket (handover.hpp); empty: nothing is handed over
    std::string cookie_key_file;   // empty: a key of this process's own, or its predecessor's
    std::string api_keys_file;     // empty: everybody may ask
    std::string admin_token_file;  // empty: none, if only this machine can reach the admin port
    ClientLimits client_limits;
    ClientTls client_tls;
    LogOptions log;
    // After the first signal requests are still taken for so long, while whoever sends them learns
    // that we go (contract activator.md 7: 45 s).
    common::Duration drain_delay = std::chrono::seconds(45);
    bool edge = true;  // clients themselves call us; false: Knative's ingress does
};

// Returns the exit code: 0 after a signal, 1 when something could not start or a second signal
// came. What is wrong goes to stderr, a line each.
int run_app(const AppOptions& options);

// One key per line, at least 16 characters; empty lines and lines that begin with '#' are
// left out. `problem` is set when there is none or one is too short.
std::vector<std::string> parse_cookie_keys(const std::string& text, std::string& problem);

}  // namespace activator
