// `sluice top` on a terminal: draws each change, until it is told to end.
//
// Keys: q ends; Tab and n go to the next revision, p to the one before. Ctrl-C, SIGTERM and a
// terminal that goes away end it too; Ctrl-Z stops it as any program. The terminal is given back in
// each case.
#pragma once

#include <string>

#include "sluice/top/event_source.hpp"

namespace sluice::top {

struct LiveOptions {
    AdminServer server;
    std::string revision;
};

// REQUIRES: stdout is a terminal. Returns the exit code: 0, or 1 when the server does not want us,
// which is said on stderr.
int run_live(const LiveOptions& options);

}  // namespace sluice::top
