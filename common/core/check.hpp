// CHECK(condition): a broken invariant ends the process, in release builds too. Serving wrongly
// (two requests on one GPU) is worse than a restart. Never for errors that the outside world can
// cause.
#pragma once

namespace common {

// Prints "CHECK failed: <condition> at <file>:<line>" on stderr and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace common

#define CHECK(condition)                          \
    (__builtin_expect(!!(condition), 1) ? (void)0 \
                                        : ::common::check_failed(#condition, __FILE__, __LINE__))
