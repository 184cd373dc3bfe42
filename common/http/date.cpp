#include "common/http/date.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace common {

std::string_view http_date(WallTime now) {
    static std::int64_t cached_second = -1;
    static std::array<char, 64> text;
    static std::size_t length = 0;
    const std::int64_t second =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    if (second != cached_second) {
        constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const std::time_t t = static_cast<std::time_t>(second);
        std::tm parts{};
        gmtime_r(&t, &parts);
        const int n =
            std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                          days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon],
                          parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
        length = static_cast<std::size_t>(n);
        cached_second = second;
    }
    return {text.data(), length};
}

}  // namespace common
