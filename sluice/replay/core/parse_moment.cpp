#include "sluice/replay/core/parse_moment.hpp"

#include <chrono>
#include <cstdint>

#include "common/core/parse.hpp"

namespace sluice::replay {
namespace {

using common::Duration;

// Takes exactly `count` digits off the front.
std::optional<int> digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (const char letter : text.substr(0, count)) {
        if (letter < '0' || letter > '9') return std::nullopt;
        value = value * 10 + (letter - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char letter) {
    if (!text.starts_with(letter)) return false;
    text.remove_prefix(1);
    return true;
}

// From 1970 on; a Duration holds nanoseconds up to the year 2262.
constexpr int year_min = 1970;
constexpr int year_max = 2261;
constexpr double seconds_max = 9.2e9;

std::optional<Duration> take_date(std::string_view& text) {
    const auto year = digits(text, 4);
    if (!year || *year < year_min || *year > year_max || !take(text, '-')) return std::nullopt;
    const auto month = digits(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = digits(text, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch();
}

std::optional<Duration> take_time(std::string_view& text) {
    const auto hour = digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
    const auto minute = digits(text, 2);
    if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
    const auto second = digits(text, 2);
    if (!second || *second > 60) return std::nullopt;
    Duration time =
        std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
    if (!take(text, '.')) return time;
    Duration unit = std::chrono::milliseconds(100);
    bool any = false;
    while (const auto digit = digits(text, 1)) {
        time += *digit * unit;
        unit /= 10;
        any = true;
    }
    if (!any) return std::nullopt;
    return time;
}

// East of Greenwich.
std::optional<Duration> zone(std::string_view text) {
    if (text.empty() || text == "Z") return Duration::zero();
    const int sign = text.front() == '-' ? -1 : 1;
    if (!take(text, '+') && !take(text, '-')) return std::nullopt;
    const auto hours = digits(text, 2);
    take(text, ':');
    const auto minutes = digits(text, 2);
    if (!hours || !minutes || *hours > 14 || *minutes > 59 || !text.empty()) return std::nullopt;
    return sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes));
}

}  // namespace

std::optional<Duration> parse_moment(std::string_view text) {
    if (text.size() < 5 || text[4] != '-') {
        const std::optional<double> seconds = common::parse_number(text);
        if (!seconds || *seconds < 0 || *seconds >= seconds_max) return std::nullopt;
        // Whole seconds and the rest apart: a double has no nanoseconds left at 1.7e9.
        const auto whole = static_cast<std::int64_t>(*seconds);
        return std::chrono::seconds(whole) +
               std::chrono::round<std::chrono::microseconds>(
                   common::from_seconds(*seconds - static_cast<double>(whole)));
    }
    const std::optional<Duration> date = take_date(text);
    if (!date) return std::nullopt;
    if (!take(text, ' ') && !take(text, 'T')) return std::nullopt;
    const std::optional<Duration> time = take_time(text);
    if (!time) return std::nullopt;
    const std::optional<Duration> east = zone(text);
    if (!east) return std::nullopt;
    return *date + *time - *east;
}

}  // namespace sluice::replay
