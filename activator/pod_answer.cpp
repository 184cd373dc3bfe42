#include "activator/pod_answer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "common/protocol/headers.hpp"

namespace activator {
namespace {

namespace headers = common::headers;
using common::Duration;

// Without printf, which took 8 % of a request's instructions here.
void append_milliseconds(std::string& text, Duration duration) {
    constexpr Duration tenth = std::chrono::microseconds(100);
    const Duration::rep tenths = (std::max(duration, Duration::zero()) + tenth / 2) / tenth;
    std::array<char, 24> digits;
    char* end = std::to_chars(digits.data(), digits.data() + digits.size(), tenths / 10).ptr;
    *end++ = '.';
    *end++ = static_cast<char>('0' + tenths % 10);
    text.append(digits.data(), end);
}

}  // namespace

Declined declined_by(const common::ResponseHead& head) {
    const std::string_view refused = head.fields.get(headers::sluice_refused);
    const std::string_view error = head.fields.get(headers::sluice_error);
    if (head.status == 503 && refused == headers::refused_busy) return Declined::busy;
    if (head.status == 503 && refused == headers::refused_unreachable) return Declined::unreachable;
    if (error == headers::error_timeout) return Declined::timeout;
    if (error == headers::error_lost) return Declined::lost;
    return Declined::no;
}

std::string server_timing(Duration queued, Duration cold, Duration run) {
    std::string text = "queue;dur=";
    append_milliseconds(text, queued);
    text += ", cold;dur=";
    append_milliseconds(text, cold);
    text += ", run;dur=";
    append_milliseconds(text, run);
    return text;
}

}  // namespace activator
