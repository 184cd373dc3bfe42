#include "sluice/service/problem.hpp"

namespace sluice {

std::string problem_line(const std::string& file, const Problem& problem) {
    std::string line = file;
    if (problem.line > 0) line += ":" + std::to_string(problem.line);
    line += problem.severity == Severity::error ? ": error: " : ": warning: ";
    if (!problem.field.empty()) line += problem.field + ": ";
    return line + problem.message;
}

}  // namespace sluice
