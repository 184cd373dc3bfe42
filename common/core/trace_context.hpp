// Where a request belongs in a trace that others began: the W3C's Trace Context, level 1
// (traceparent). tracestate is opaque here: it goes on as it came.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace common {

struct TraceId {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend bool operator==(const TraceId&, const TraceId&) = default;
};

struct TraceContext {
    TraceId trace;           // not 0
    std::uint64_t span = 0;  // not 0; of the sender's span
    bool sampled = false;    // the sender records it
    bool random = false;     // level 2: the trace id's last 7 bytes are random; goes on as it came
};

// "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". Nothing for what the specification
// calls invalid: another length in version 00, upper case, ids of zeros, version ff. Of a later
// version what version 00 has is read (section 3.2.4), and the rest is forgotten.
std::optional<TraceContext> parse_traceparent(std::string_view text);
// In version 00.
std::string format_traceparent(const TraceContext& context);

// 16 lower-case hexadecimal digits; a trace id has 32.
void append_hex(std::string& out, std::uint64_t value);
std::string to_hex(const TraceId& id);
std::string to_hex(std::uint64_t span);

}  // namespace common
