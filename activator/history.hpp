// The last ten minutes of each revision, for the page's charts: a point every two seconds. A page
// that is opened later shows what came before.
//
// Bounded: revisions_max revisions have a history (the first ones); the others have present numbers
// only.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "activator/gateway.hpp"

namespace activator {

// What happened since the point before, and how things stand. Times are in seconds.
struct HistoryPoint {
    std::int64_t at_ms = 0;  // unix
    double requests_per_s = 0;
    std::uint64_t good = 0;  // 1xx, 2xx, 3xx
    std::uint64_t client_errors = 0;
    std::uint64_t server_errors = 0;
    std::uint64_t no_answer = 0;
    std::size_t pods_ready = 0;
    std::size_t pods = 0;
    std::size_t waiting = 0;
    std::size_t running = 0;
    // Of the last minute; empty: no request ended.
    std::optional<double> p50, p90, p95, p99;  // response time
    std::optional<double> wait_p95;
    std::uint64_t cold_starts = 0;  // pods that became ready
    std::uint64_t hits = 0;         // affinity
    std::uint64_t misses = 0;       // moved, or a cookie that is not good
    std::optional<double> busy;     // share of slot time; empty: there were no slots
};

class History {
  public:
    static constexpr common::Duration period = std::chrono::seconds(2);
    static constexpr std::size_t points_max = 300;
    static constexpr std::size_t window_points = 30;  // a minute
    static constexpr std::size_t revisions_max = 200;

    // Takes a point of every revision. Once each period.
    void sample(Gateway& gateway);
    // Oldest first; empty if there is none.
    const std::deque<HistoryPoint>& points(RevisionId id) const;
    // Mean run time of the last minute, else since the start; empty: no request has run.
    std::optional<Duration> mean_run(Gateway& gateway, RevisionId id) const;

  private:
    // Cumulative counts as of one point.
    struct Snapshot {
        std::array<std::uint64_t, 6> classes{};
        std::vector<std::uint64_t> response;
        std::vector<std::uint64_t> wait;
        std::uint64_t runs = 0;
        double run_seconds = 0;
        std::uint64_t cold_starts = 0;
        std::uint64_t hits = 0;
        std::uint64_t misses = 0;
        double busy_seconds = 0;
        double all_seconds = 0;
    };
    struct Known {
        std::deque<HistoryPoint> points;
        std::deque<Snapshot> snapshots;  // of the last minute
    };
    static Snapshot take_snapshot(Gateway& gateway, RevisionId id);
    static HistoryPoint make_point(const Known& known, const Snapshot& now);

    std::map<RevisionId, Known> known_;
};

}  // namespace activator
