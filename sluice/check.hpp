// `sluice check FILE...`: what is wrong with these service files, and what would they run?
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace sluice {

// Prints to `out`, for each file, one line per problem ("FILE:LINE: error: FIELD: REASON") and
// then, unless there is an error, a summary of each service. Files that cannot be read are one line
// on `err`. Returns the exit code: 0, or 1 if any file has an error.
int run_check(std::span<const std::string> files, std::ostream& out, std::ostream& err);

}  // namespace sluice
