#include "activator/totals.hpp"

namespace activator {

using common::to_seconds;
using Turned = RequestRecord::Turned;

void RevisionTotals::add(const RequestRecord& record) {
    ++requests;
    if (record.control) ++controls;
    const int status_class = record.status / 100;
    ++classes[status_class >= 1 && status_class <= 5 ? static_cast<std::size_t>(status_class) : 0];
    dispatches += record.dispatches;
    if (record.dispatches > 1) redispatches += record.dispatches - 1;
    if (record.ended_by == RequestRecord::EndedBy::client)
        ++(record.left_pod ? left_running : left_waiting);
    ++turned[static_cast<std::size_t>(record.turned)];
    ++sessions[static_cast<std::size_t>(record.session)];
    waited_cold += record.cold;
    waited_queue += record.wait - record.cold;
    ran += record.run;
    // Not: those that never stood in the line.
    const bool refused = record.turned == Turned::queue_full || record.turned == Turned::bytes_full;
    if (record.control || refused || record.arrived == Instant{}) return;
    wait.observe(to_seconds(record.wait));
    if (record.dispatches > 0) run.observe(to_seconds(record.run));
    if (record.status > 0) response.observe(to_seconds(record.ended - record.arrived));
}

std::uint64_t RevisionTotals::turned_by(std::initializer_list<Turned> causes) const {
    std::uint64_t sum = 0;
    for (const Turned cause : causes)
        sum += turned[static_cast<std::size_t>(cause)];
    return sum;
}

std::uint64_t RevisionTotals::refused() const {
    return turned_by({Turned::queue_full, Turned::bytes_full, Turned::shutting_down});
}

std::uint64_t RevisionTotals::expired() const {
    return turned_by({Turned::cold_start_timeout, Turned::queue_timeout, Turned::revision_removed});
}

std::uint64_t RevisionTotals::cancelled() const {
    return turned_by({Turned::cancelled});
}

}  // namespace activator
