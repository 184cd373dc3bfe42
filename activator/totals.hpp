// What became of a revision's requests since the start: plain counters, written by the request path
// and read by the admin port.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "activator/serve_request.hpp"
#include "common/metrics/catalogue.hpp"
#include "common/metrics/histogram.hpp"

namespace activator {

struct RevisionTotals {
    std::uint64_t requests = 0;              // ended, control lane included
    std::uint64_t controls = 0;              // of these, control lane
    std::array<std::uint64_t, 6> classes{};  // [2] = 2xx …; [0]: ended without an answer
    std::uint64_t dispatches = 0;
    std::uint64_t redispatches = 0;
    std::uint64_t left_waiting = 0;           // the client left first: while it waited,
    std::uint64_t left_running = 0;           // while a pod had the request
    std::array<std::uint64_t, 8> turned{};    // by RequestRecord::Turned
    std::array<std::uint64_t, 5> sessions{};  // by RequestRecord::Session
    Duration waited_queue{};                  // sums over all requests
    Duration waited_cold{};
    Duration ran{};
    // Seconds; the control lane excluded.
    common::Histogram wait{common::long_seconds};
    common::Histogram run{common::long_seconds};
    common::Histogram response{common::long_seconds};

    void add(const RequestRecord& record);

    std::uint64_t turned_by(std::initializer_list<RequestRecord::Turned> causes) const;
    std::uint64_t refused() const;  // 503: no room to wait, or no time left
    std::uint64_t expired() const;  // 504: waited too long
    std::uint64_t cancelled() const;
    std::uint64_t abandoned() const { return left_waiting + left_running; }
    std::uint64_t session(RequestRecord::Session kind) const {
        return sessions[static_cast<std::size_t>(kind)];
    }
};

}  // namespace activator
