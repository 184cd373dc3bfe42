// What one activator says about one revision: to itself if it leads, else to the one that does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "activator/standalone/core/load_book.hpp"
#include "common/core/time.hpp"

namespace activator::standalone {

struct RevisionReport {
    std::string name_space;
    std::string name;
    LoadBook::Load load;
    friend bool operator==(const RevisionReport&, const RevisionReport&) = default;
};
using RevisionReports = std::vector<RevisionReport>;

// As bytes: the WireStatMessages that a Knative activator sends to its autoscaler (contract
// activator.md 5.2), in which the two fields about proxied requests, which no activator fills in,
// carry what is present and what waits. `activator` and the time stand in each Stat.
std::string encode_reports(const RevisionReports& reports, const std::string& activator,
                           common::WallTime now);

struct ReceivedReports {
    std::string problem;  // one line; empty: good
    std::string activator;
    RevisionReports reports;
};
// Malformed, from several activators, or from another minute than `now`: a problem.
ReceivedReports decode_reports(std::string_view bytes, common::WallTime now);

}  // namespace activator::standalone
