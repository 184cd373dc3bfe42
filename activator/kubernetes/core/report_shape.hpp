// What a stock autoscaler is told with `sluice.dev/shape-reports` (contract kpa.md 14.15).
//
// Stock divides what it hears by the target, which is a part (70 %) of what a pod takes, and rounds
// up: one request on a GPU asks for two pods, five for eight. A revision whose every pod costs a
// GPU wants a slot for each request, and no more. So the report is made smaller by that part, and a
// little more, so that an exact number does not round up:
//
//     told = utilization * (average - margin * min(average, 1))
//
// The sum over up to 20 activators (stock's most) then still rounds up to a pod for each request,
// and the average of none is none.
//
// Not here: what the utilization is; poking and zeros (report_book).
#pragma once

#include <algorithm>

namespace activator::kubernetes {

inline constexpr double report_margin = 0.02;

// `utilization`: target / capacity of a pod, in (0, 1]; see Revision::report_utilization.
constexpr double shaped_average(double average, double utilization) {
    return utilization * (average - report_margin * std::min(average, 1.0));
}

}  // namespace activator::kubernetes
