#include "autoscaler/load_history.hpp"

#include <algorithm>
#include <chrono>

namespace autoscaler {

using common::Duration;
using common::Instant;
using std::chrono::seconds;

namespace {

std::int64_t second_of(Instant at) {
    return std::chrono::floor<seconds>(at.time_since_epoch()).count();
}

}  // namespace

LoadHistory::LoadHistory(Duration stable_window, Duration panic_window, Aggregation aggregation)
    : stable_(stable_window, aggregation), panic_(panic_window, aggregation) {}

double LoadHistory::Share::value() const {
    const double mean = length > 0 ? weighted / length : 0;
    return poke > 0 ? std::max(poke, mean) : std::max(0.0, mean - discount);
}

void LoadHistory::open(std::int64_t second) {
    if (share_.second == second) return;
    share_ = Share{};
    share_.second = second;
}

void LoadHistory::write_share() {
    const double change = share_.value() - share_.recorded;
    const Instant at{seconds(share_.second)};
    stable_.record(at, change);
    panic_.record(at, change);
    share_.recorded += change;
}

void LoadHistory::add_report(std::int64_t second, double average, double length) {
    open(second);
    if (share_.poke == 0) share_.discount += poked_;
    poked_ = 0;
    share_.weighted += average * length;
    share_.length += length;
    write_share();
}

void LoadHistory::report(Instant now, double average, bool idle) {
    if (last_report_ && now < *last_report_) return;
    const std::int64_t second = second_of(now);
    std::int64_t next = second;
    double length = 1;  // any, where there is nothing to weigh against
    if (last_report_) {
        const Duration passed = now - *last_report_;
        length = std::max(1.0, static_cast<double>(passed.count()));
        const auto reach = std::chrono::ceil<seconds>(stable_.length()).count();
        next = std::max(second_of(*last_report_) + 1, second - reach);
    }
    // Before the first request there was nothing, so that its seconds stay as they are.
    if (poked_ > 0) next = std::max(next, share_.second);
    for (next = std::min(next, second); next <= second; ++next)
        add_report(next, average, length);
    last_report_ = now;
    if (idle) busy_ = false;
}

bool LoadHistory::poke(Instant now, double value) {
    if (busy_) return false;
    busy_ = true;
    poked_ = value;
    open(second_of(now));
    share_.poke = std::max(share_.poke, value);
    write_share();
    return true;
}

Averages LoadHistory::averages(Instant now) const {
    return {stable_.average(now), panic_.average(now)};
}

void LoadHistory::resize(Duration stable_window, Duration panic_window, Instant now) {
    stable_.resize(stable_window, now);
    panic_.resize(panic_window, now);
}

}  // namespace autoscaler
