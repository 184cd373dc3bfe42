// What happened in a simulation: a hash over everything (two runs of one seed must agree) and the
// last events for a human.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

#include "common/core/rng.hpp"
#include "common/core/time.hpp"

namespace sim {

struct TraceEntry {
    common::Instant at;
    const char* what = "";  // a string literal
    std::uint64_t activator = 0;
    std::uint64_t request = 0;
    std::uint64_t pod = 0;
    std::uint64_t detail = 0;
};

class Trace {
  public:
    void add(const TraceEntry& entry) {
        last_[count_++ % last_.size()] = entry;
        for (const char* letter = entry.what; *letter != 0; ++letter) {
            mix(static_cast<unsigned char>(*letter));
        }
        mix(static_cast<std::uint64_t>(entry.at.time_since_epoch().count()));
        mix(entry.activator);
        mix(entry.request);
        mix(entry.pod);
        mix(entry.detail);
    }
    std::uint64_t hash() const { return hash_; }

    // The last 50 entries, oldest first, one a line.
    std::string text() const {
        std::string result;
        const std::uint64_t shown = count_ < last_.size() ? count_ : last_.size();
        for (std::uint64_t i = count_ - shown; i < count_; ++i) {
            const TraceEntry& entry = last_[i % last_.size()];
            char line[160];
            std::snprintf(line, sizeof line,
                          "%14.6f s  activator %llu  %-14s request %-6llu pod %-4llu detail %llu\n",
                          common::to_seconds(entry.at.time_since_epoch()),
                          static_cast<unsigned long long>(entry.activator), entry.what,
                          static_cast<unsigned long long>(entry.request),
                          static_cast<unsigned long long>(entry.pod),
                          static_cast<unsigned long long>(entry.detail));
            result += line;
        }
        return result;
    }

  private:
    void mix(std::uint64_t word) { hash_ = common::mix_bits(hash_ ^ word) * 0x100000001b3U; }

    std::array<TraceEntry, 50> last_{};
    std::uint64_t count_ = 0;
    std::uint64_t hash_ = 0;
};

}  // namespace sim
