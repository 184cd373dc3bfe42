// What `sluice up` says while models load: one line that is written again each second on a
// terminal, a line each ten seconds elsewhere. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/core/time.hpp"

namespace sluice {

// A pod that comes up and is not ready yet.
struct LoadingPod {
    std::string name;
    common::Duration age{};  // since it was started, or its application again
    std::string last_line;   // that the application printed; empty: none
};

// "knative-sd-demo-00001-ab: loading, 34 s: Loading weights …"; of several pods it is the one that
// loads longest, with their number. Empty if none loads.
std::string progress_line(const std::vector<LoadingPod>& loading);

// Where there is no terminal: when is the next line due?
class ProgressPace {
  public:
    static constexpr common::Duration period = std::chrono::seconds(10);

    // True at most once each period, and only when one of them has loaded for that long.
    bool due(const std::vector<LoadingPod>& loading, common::Instant now);

  private:
    std::optional<common::Instant> last_;
};

}  // namespace sluice
