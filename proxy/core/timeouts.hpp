// When does a request's time run out (contract queue-proxy 3.4)?
//
// Three timers start when the request enters this layer, so waiting for a slot and uploading count:
//   total           always armed; fires at start + total whatever happens. Zero or less: at once
//                   (row 50).
//   response start  fires unless something was written by then; afterwards it is off for good.
//   idle            fires when nothing was written for that long; before the first write it counts
//                   from the start, so it is a first-byte timeout too (row 49).
// "Written" is any status line or body piece handed towards the client, a forwarded 1xx included.
//
// Deviations from stock (contract 12): a 101 is a response start like any other, and bytes relayed
// on an upgraded connection, in either direction, are activity: only total ends a busy WebSocket
// (D3). What the caller does when a timer fires after something was written is to abort the
// exchange, never to end it cleanly (D2): see on_expiry().
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/core/time.hpp"

namespace proxy {

using common::Duration;
using common::Instant;

struct TimeoutLimits {
    Duration total{};           // <= 0: every request has expired on arrival
    Duration response_start{};  // 0 = off
    Duration idle{};            // 0 = off
};

enum class Timeout : std::uint8_t { total, response_start, idle };

enum class OnExpiry : std::uint8_t {
    answer_504,  // nothing was written: 504, text/plain, "request timeout"
    abort        // close without a last chunk, or reset the stream (D2)
};

// The whole body of the 504, without a newline (row 44).
inline constexpr std::string_view timeout_body = "request timeout";

class RequestTimeouts {
  public:
    RequestTimeouts(const TimeoutLimits& limits, Instant start);

    // A status line, 1xx and 101 included, or a body piece went towards the client; or bytes were
    // relayed on an upgraded connection.
    void wrote(Instant now);

    // The timer whose time has come, the one with the earliest deadline first. Stays the answer
    // once it was given.
    std::optional<Timeout> fired(Instant now);
    // When fired() should be asked again; Instant::max() after it has fired.
    Instant next_deadline() const;
    OnExpiry on_expiry() const { return has_written_ ? OnExpiry::abort : OnExpiry::answer_504; }

  private:
    Instant total_deadline_;
    Instant response_start_deadline_ = Instant::max();
    Duration idle_;
    Instant last_activity_;
    bool has_written_ = false;
    std::optional<Timeout> fired_;

    Instant idle_deadline() const;
};

// "Request timeout: 2s", the log line (WARNING) of contract 3.4.
std::string_view timeout_name(Timeout timeout);

}  // namespace proxy
