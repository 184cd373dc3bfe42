// What did the user ask for? Command line and environment in, one validated Options out.
//
// Every number has a flag and an environment variable (STANDIN_ plus the flag's name); a flag beats
// its variable, and PORT (the port a Knative container is given) beats nothing but the default.
// Flags of the real web UI that mean nothing here are accepted and ignored, so that a service file
// written for it works unchanged. Nothing is started or opened by this file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace standin {

struct Options {
    std::string listen_host = "127.0.0.1";
    std::string stats_file;               // empty: no file
    std::int64_t port = 7860;             // 0: any free port
    std::int64_t startup_ms = 0;          // until the port opens
    std::int64_t ready_ms = 0;            // from there until the API answers
    std::int64_t service_ms = -1;         // per image; -1: not given
    std::int64_t step_ms = -1;            // per sampling step; -1: not given
    std::int64_t seed = 0;                // of the service times' variation
    std::int64_t max_connections = 4096;  // threads
    std::int64_t keep_alive_s = 30;       // idle connections; 0: kept for ever
    double lognormal_sigma = 0;           // 0: constant service time
};

// Either options, or a message for the user and the exit status to end with (0 for --help).
struct ParsedOptions {
    std::optional<Options> options;
    std::string message;
    int exit_status = 0;
};

using Environment = std::function<const char*(const char* name)>;  // nullptr: not set

ParsedOptions parse_options(int argc, const char* const* argv, const Environment& environment);

}  // namespace standin
