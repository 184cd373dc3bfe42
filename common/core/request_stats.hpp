// How many requests ran at once, on average, since the last report?
// (contracts queue-proxy.md 6.1 and activator.md 5.1)
//
// Every change of the concurrency first adds concurrency x time to an area; a report divides the
// area by the time and starts anew, while the current concurrency stays. The average is therefore
// time-weighted and never outside the range of values that the concurrency had. Requests that came
// through an activator are counted twice over: in the totals, and as proxied.
//
// The area is kept in request-nanoseconds: whole numbers, exact in a double up to 9 million
// request-seconds, so a steady 5 reports exactly 5.
#pragma once

#include <cstdint>

#include "common/core/time.hpp"

namespace common {

class RequestStats {
  public:
    explicit RequestStats(Instant start) : last_(start) {}

    struct Report {
        double average_concurrency = 0;          // 0 if no time has passed
        double average_proxied_concurrency = 0;  // part of the above
        double requests = 0;                     // arrivals, proxied ones included
        double proxied_requests = 0;
    };

    void request_in(Instant now);
    // REQUIRES: a matching request_in.
    void request_out(Instant now);
    void proxied_in(Instant now);
    // REQUIRES: a matching proxied_in.
    void proxied_out(Instant now);

    // What happened since the previous report (or the start), and begins a new one. Time that goes
    // backwards is ignored.
    Report report(Instant now);

    std::uint64_t concurrency() const { return concurrency_; }
    std::uint64_t proxied_concurrency() const { return proxied_concurrency_; }

  private:
    void advance(Instant now);

    Instant last_;
    std::uint64_t concurrency_ = 0;
    std::uint64_t proxied_concurrency_ = 0;
    double elapsed_ = 0;       // ns since the report
    double area_ = 0;          // request-ns
    double proxied_area_ = 0;  // request-ns
    double requests_ = 0;
    double proxied_requests_ = 0;
};

}  // namespace common
