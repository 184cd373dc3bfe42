// How many files this process may have open: every connection is one.
#pragma once

#include <cstddef>

namespace common {

// The soft limit (RLIMIT_NOFILE); a very large number if there is none.
std::size_t open_files_limit();
// Raises the soft limit to the hard one, and returns what holds now. Not for a program that starts
// others: they would inherit it, and some break on descriptors beyond 1024.
std::size_t raise_open_files_limit();

// Connections that so many files allow when each may need a second one (to a pod), with some left
// for everything else. At least 1.
std::size_t connections_for(std::size_t open_files);

}  // namespace common
