#include "activator/standalone/revision_report.hpp"

#include <cmath>
#include <cstdlib>
#include <utility>

#include "common/protocol/stat_message.hpp"

namespace activator::standalone {
namespace {

// Clocks of two nodes differ; what is older may have been said before by somebody else.
constexpr std::int64_t age_seconds_max = 60;
constexpr double requests_max = 1e9;
constexpr double no_average = -1;

std::int64_t seconds_of(common::WallTime t) {
    return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
}

bool is_count(double value) {
    return std::isfinite(value) && value >= 0 && value <= requests_max;
}

}  // namespace

std::string encode_reports(const RevisionReports& reports, const std::string& activator,
                           common::WallTime now) {
    std::vector<common::WireStatMessage> messages;
    for (const RevisionReport& report : reports) {
        common::Stat stat;
        stat.pod_name = activator;
        stat.average_concurrent_requests = report.load.average.value_or(no_average);
        stat.request_count = report.load.arrivals;
        stat.average_proxied_concurrent_requests = report.load.present;
        stat.proxied_request_count = report.load.waiting;
        stat.timestamp = seconds_of(now);
        messages.push_back({report.name_space, report.name, std::move(stat)});
    }
    return common::encode_stat_messages(messages);
}

ReceivedReports decode_reports(std::string_view bytes, common::WallTime now) {
    ReceivedReports received;
    const auto messages = common::decode_stat_messages(bytes);
    if (!messages || messages->empty()) {
        received.problem = "is no list of reports";
        return received;
    }
    for (const common::WireStatMessage& message : *messages) {
        if (!message.stat) continue;
        const common::Stat& stat = *message.stat;
        if (received.activator.empty()) received.activator = stat.pod_name;
        LoadBook::Load load{stat.average_concurrent_requests, stat.request_count,
                            stat.average_proxied_concurrent_requests, stat.proxied_request_count};
        if (*load.average == no_average) load.average.reset();
        const bool counts = is_count(load.average.value_or(0)) && is_count(load.arrivals) &&
                            is_count(load.present) && is_count(load.waiting);
        if (stat.pod_name.empty() || stat.pod_name != received.activator || !counts)
            received.problem = "has a report that no activator makes";
        if (std::llabs(stat.timestamp - seconds_of(now)) > age_seconds_max)
            received.problem = "is from another time; the nodes' clocks differ by over a minute";
        if (!received.problem.empty()) return received;
        received.reports.push_back({message.name_space, message.name, load});
    }
    return received;
}

}  // namespace activator::standalone
