// The last things that happened, in words, for the page: scaling decisions and what became of pods.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "common/core/time.hpp"

namespace activator {

class EventLog {
  public:
    static constexpr std::size_t lines_max = 300;

    struct Line {
        std::uint64_t number;  // 1, 2, …
        common::WallTime at;
        std::string service;
        std::string text;
    };

    void add(common::WallTime at, std::string service, std::string text) {
        lines_.push_back({++last_, at, std::move(service), std::move(text)});
        if (lines_.size() > lines_max) lines_.pop_front();
    }
    // Oldest first.
    const std::deque<Line>& lines() const { return lines_; }
    std::uint64_t last() const { return last_; }

  private:
    std::deque<Line> lines_;
    std::uint64_t last_ = 0;
};

}  // namespace activator
