// From the admin port's events to a picture. The events are those of activator/live_stream.hpp.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "sluice/top/picture.hpp"

namespace sluice::top {

class EventsPicture {
  public:
    // Lines of the log that are kept: what the tallest terminal shows.
    static constexpr std::size_t log_rows_max = 300;

    // Returns "" or why the event is none of ours. Events of unknown names are left out.
    std::string take(std::string_view name, std::string_view data);
    // A new stream tells the log from its beginning again.
    void begin_stream();
    // The first events of a stream have come: nothing is missing in the picture.
    bool complete() const { return seen_history_ && seen_state_ && seen_log_; }

    Picture picture;

  private:
    struct Point {
        double at_ms = 0;
        double good = 0;
        double answered = 0;
    };
    void take_point(const nlohmann::json& values);

    std::map<std::string, std::size_t, std::less<>> columns_;
    std::deque<Point> points_;
    bool seen_history_ = false;
    bool seen_state_ = false;
    bool seen_log_ = false;
};

}  // namespace sluice::top
