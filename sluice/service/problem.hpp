// What is wrong with a service file, where, and why: one Problem is one line for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

enum class Severity : std::uint8_t { error, warning };

struct Problem {
    Severity severity = Severity::error;
    int line = 0;         // from 1; 0 = the file as a whole
    std::string field;    // "spec.template.spec.containers[0].image"; may be empty
    std::string message;  // one line, without a full stop
    friend bool operator==(const Problem&, const Problem&) = default;
};

using Problems = std::vector<Problem>;

// "FILE:LINE: error: FIELD: MESSAGE"; parts that are not known are left out.
std::string problem_line(const std::string& file, const Problem& problem);

}  // namespace sluice
