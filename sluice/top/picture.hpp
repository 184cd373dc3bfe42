// What `sluice top` knows of a server: what its page shows, as values. Filled by read_events, laid
// out by layout. All text in it is printable (sluice/text_width.hpp); times are in seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::top {

// One revision in a line.
struct RevisionRow {
    std::string key;  // "namespace/name"
    std::optional<double> requests_per_s;
    std::optional<double> wait_p95;  // of the last minute; empty: nobody waited
    std::uint64_t running = 0;
    std::uint64_t waiting = 0;
    std::uint64_t pods_ready = 0;
    std::uint64_t pods = 0;
};

struct PodWork {
    std::string what;  // "POST /sdapi/v1/txt2img"
    bool control = false;
    double running = 0;
};

struct PodRow {
    std::string name;
    std::string state;  // as the page has it: "idle", "starting", …
    std::string reason;
    std::optional<double> asked;  // while it starts: so long ago
    std::uint64_t sessions = 0;
    std::uint64_t pinned = 0;  // waiting requests that want this pod
    std::uint64_t in_flight = 0;
    std::uint64_t held = 0;     // of these: for a client that left
    std::vector<PodWork> work;  // the first few
};

struct QueueRow {
    std::uint64_t position = 0;
    std::string what;
    std::string pod;  // of its session; empty: any
    double waited = 0;
    std::optional<double> left;  // an estimate
};

struct LogRow {
    std::string time;  // local, "12:03:10"
    std::string service;
    std::string text;
};

// One revision in full.
struct Detail {
    std::string key;
    bool affinity = false;
    std::uint64_t waiting = 0;
    std::uint64_t pods_ready = 0;
    std::uint64_t pods_total = 0;
    std::uint64_t sessions = 0;
    std::uint64_t cold_starts = 0;
    std::optional<double> mean_start;
    std::vector<PodRow> pods;
    std::vector<QueueRow> queue;  // its head
};

// The last point of the charts.
struct Recent {
    std::optional<double> p50;
    std::optional<double> p95;
    std::optional<double> busy;     // share of slot time
    std::optional<double> success;  // share of answered requests, ten minutes at most
};

struct Picture {
    std::string server;
    std::string link = "connecting";  // "live", or what is wrong
    std::vector<RevisionRow> revisions;
    std::uint64_t revisions_total = 0;
    std::optional<Detail> selected;
    Recent recent;
    std::vector<LogRow> log;  // oldest first
};

}  // namespace sluice::top
