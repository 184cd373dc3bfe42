// What one activator says of its load to another: counts that an activator can have, or a problem
// in one line; what is taken over reads back as itself.
#include <cmath>

#include "activator/standalone/revision_report.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    using namespace activator::standalone;
    fuzz::Input input(data, size);
    const common::WallTime now{std::chrono::seconds(1'700'000'000 + input.byte())};
    const ReceivedReports received = decode_reports(input.rest(), now);
    if (!received.problem.empty()) {
        HOLDS(received.problem.find('\n') == std::string::npos);
        return 0;
    }
    if (received.reports.empty()) return 0;
    HOLDS(!received.activator.empty());
    for (const RevisionReport& report : received.reports) {
        for (const double count : {report.load.average.value_or(0), report.load.arrivals,
                                   report.load.present, report.load.waiting})
            HOLDS(std::isfinite(count) && count >= 0);
    }
    const ReceivedReports again =
        decode_reports(encode_reports(received.reports, received.activator, now), now);
    HOLDS(again.problem.empty());
    HOLDS(again.activator == received.activator);
    HOLDS(again.reports == received.reports);
    return 0;
}
