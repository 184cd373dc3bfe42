// What the page shows of the present, as JSON: all revisions in a line each, one of them in full
// with its pods, and a part of its queue.
#pragma once

#include <cstddef>
#include <string>

#include "activator/event_log.hpp"
#include "activator/history.hpp"

namespace activator {

// What one viewer looks at.
struct PageView {
    std::string revision;        // "namespace/name"; unknown or empty: the first one
    std::size_t queue_from = 0;  // position of the first row
    friend auto operator<=>(const PageView&, const PageView&) = default;
};

// Rows and tiles that one page has at most, whatever waits: an event is small with 10 000 waiting.
inline constexpr std::size_t queue_rows_max = 50;
inline constexpr std::size_t pod_tiles_max = 100;
inline constexpr std::size_t revisions_listed_max = 200;

// Which revision the view means; id 0 if there is none at all.
RevisionId revision_of(const PageView& view, const Router& router);

std::string state_json(const PageView& view, Gateway& gateway, const History& history);
// All points of the revision that the view means.
std::string history_json(const PageView& view, Gateway& gateway, const History& history);
// Its last point; "" if there is none.
std::string point_json(const PageView& view, Gateway& gateway, const History& history);
// The lines after number `after`.
std::string log_json(const EventLog& log, std::uint64_t after);

}  // namespace activator
