#include "common/core/slot_message.hpp"

#include <algorithm>
#include <charconv>

namespace common {
namespace {

using Kind = SlotMessage::Kind;
using Microseconds = std::chrono::microseconds;

// "want 4294967295 31536000000000" has 30.
constexpr std::size_t line_bytes_max = 40;

std::string_view word_of(Kind kind) {
    switch (kind) {
        case Kind::want:
            return "want";
        case Kind::none:
            return "none";
        case Kind::grant:
            return "grant";
        case Kind::lapse:
            return "lapse";
    }
    return "";
}

// Takes " DIGITS" off the front of `text`.
template <class Number>
bool take_number(std::string_view& text, Number& number) {
    if (!text.starts_with(' ')) return false;
    text.remove_prefix(1);
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || number < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

}  // namespace

std::string to_line(const SlotMessage& message) {
    std::string line(word_of(message.kind));
    line += ' ' + std::to_string(message.number);
    if (message.kind == Kind::want) {
        const Duration age = std::clamp(message.age, Duration::zero(), slot_age_max);
        line += ' ' + std::to_string(std::chrono::duration_cast<Microseconds>(age).count());
    }
    return line + '\n';
}

std::optional<SlotMessage> parse_slot_message(std::string_view line) {
    for (const Kind kind : {Kind::want, Kind::none, Kind::grant, Kind::lapse}) {
        const std::string_view word = word_of(kind);
        if (!line.starts_with(word)) continue;
        line.remove_prefix(word.size());
        SlotMessage message;
        message.kind = kind;
        if (!take_number(line, message.number)) return std::nullopt;
        if (kind == Kind::want) {
            std::int64_t age = 0;
            if (!take_number(line, age)) return std::nullopt;
            if (age > std::chrono::duration_cast<Microseconds>(slot_age_max).count())
                return std::nullopt;
            message.age = Microseconds(age);
        }
        if (!line.empty()) return std::nullopt;
        return message;
    }
    return std::nullopt;
}

std::optional<SlotMessage> SlotLines::next() {
    if (broken_) return std::nullopt;
    const std::size_t end = bytes_.find('\n');
    if (end == std::string::npos || end > line_bytes_max) {
        broken_ = bytes_.size() > line_bytes_max;
        return std::nullopt;
    }
    const std::optional<SlotMessage> message =
        parse_slot_message(std::string_view(bytes_).substr(0, end));
    bytes_.erase(0, end + 1);
    broken_ = !message;
    return message;
}

}  // namespace common
