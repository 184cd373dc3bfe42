#include "common/net/open_files.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace common {
namespace {

constexpr std::size_t files_left_over = 64;

std::size_t size_of(rlim_t limit) {
    return limit == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max() : limit;
}

}  // namespace

std::size_t open_files_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return size_of(limit.rlim_cur);
}

std::size_t raise_open_files_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (limit.rlim_cur != limit.rlim_max) setrlimit(RLIMIT_NOFILE, &raised);
    return open_files_limit();
}

std::size_t connections_for(std::size_t open_files) {
    return std::max<std::size_t>(open_files / 2, files_left_over / 2 + 1) - files_left_over / 2;
}

}  // namespace common
