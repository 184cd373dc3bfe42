// The load that one reporter told about, as stable and panic averages (contracts kpa.md 3.3 and
// activator.md 5.1).
//
// Stock adds every report to the second in which it arrives, because several activators report. A
// report that comes a little early then doubles one second and leaves the next one empty, and over
// a short history five requests look like ten. Here there is one reporter, and each of its averages
// says what the concurrency was since the one before it. So a report fills every second from the
// previous one to its own, and a second with several reports holds their mean by length. With
// reports exactly one second apart this is the stock result; otherwise every second lies between
// the smallest and the greatest average reported. In particular a concurrency that never exceeds 5
// never yields an average above 5, whatever the timing.
//
// The poke of the first request counts at once and is taken off the next report, as in stock; in a
// second that has both, the greater one stands.
#pragma once

#include <cstdint>
#include <optional>

#include "autoscaler/decider.hpp"
#include "autoscaler/window.hpp"
#include "common/core/time.hpp"

namespace autoscaler {

class LoadHistory {
  public:
    LoadHistory(common::Duration stable_window, common::Duration panic_window,
                Aggregation aggregation);

    // `average` covers the time since the previous report (or since the start). `idle`: nothing ran
    // or arrived in that time; the next request is again a first one. A `now` before the previous
    // report is ignored.
    void report(common::Instant now, double average, bool idle);

    // A first request: counts as `value` at once. Returns false, and does nothing, while a request
    // has been seen since the last idle report.
    bool poke(common::Instant now, double value);

    Averages averages(common::Instant now) const;
    std::optional<common::Instant> last_report() const { return last_report_; }
    void resize(common::Duration stable_window, common::Duration panic_window, common::Instant now);

  private:
    // The newest second and what it is made of.
    struct Share {
        std::int64_t second = INT64_MIN;
        double weighted = 0;  // sum of average x length over its reports
        double length = 0;    // ns
        double poke = 0;      // value of a first request in this second
        double discount = 0;  // of a first request in an earlier second
        double recorded = 0;  // what the windows hold for it

        double value() const;
    };

    void open(std::int64_t second);
    void add_report(std::int64_t second, double average, double length);
    void write_share();

    Window stable_;
    Window panic_;
    std::optional<common::Instant> last_report_;
    Share share_;
    bool busy_ = false;
    double poked_ = 0;  // not yet met by a report
};

}  // namespace autoscaler
