// What load is to be made, and what came of it: shared by the generator's files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct LoadOptions {
    std::vector<std::uint16_t> ports;  // connection i goes to ports[i % size]
    std::uint64_t connections = 1;
    double seconds = 0;          // end after this long (0: after `requests`)
    std::uint64_t requests = 0;  // end after so many
    double rate = 0;             // requests a second on a fixed schedule; 0: closed loop
    double give_up_s = 0;        // clients leave after this long; 0: never
    double drain_s = 30;         // how long to wait for the last answers
    std::string path = "/";
    std::string host = "bench";
    std::uint64_t hosts = 0;    // above 0: hosts s0.HOST, s1.HOST, … take turns
    std::uint64_t sources = 1;  // connections come from 127.0.0.1, 127.0.0.2, … in turn
    std::uint64_t upload = 0;   // bytes of body of each request
    double sleep_mean_us = 0;   // paths /sleep/US/ID, US lognormal with this mean
    double sleep_sigma = 0.5;
    std::uint64_t seed = 1;
    bool cookies = false;  // a connection is a browser: what Set-Cookie says comes back
    std::string log;       // file: "ID service_ns sent done status" of each request
};

struct LoadRecord {
    std::uint64_t id;
    std::int64_t service_ns;
    std::int64_t sent;  // open loop: when it was due
    std::int64_t done;
    int status;  // 0: no answer
};

struct LoadResult {
    std::vector<std::uint32_t> latency_us;  // of answers with status 200; the drain included
    std::vector<LoadRecord> records;        // with a log only
    std::uint64_t sent = 0;
    std::uint64_t good = 0;
    std::uint64_t other_status = 0;
    std::uint64_t broken = 0;     // connection lost before the answer's end
    std::uint64_t gave_up = 0;    // left by --give-up
    std::uint64_t left_over = 0;  // without an answer at the end of the drain
    std::uint64_t late = 0;       // open loop: no connection was to be had at the due time
    std::uint64_t bytes = 0;      // of bodies, both ways
    double wall_s = 0;            // first request to last answer
};

// Runs the load to its end.
LoadResult run_load(const LoadOptions& options);

}  // namespace bench
