// The gateway's present state for people and programs: JSON for `/api/status`, Prometheus text for
// `/metrics`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "activator/gateway.hpp"
#include "common/metrics/exposition.hpp"

namespace activator {

// starting, idle, busy, reserved, backing_off, draining
std::string_view pod_state(const PodView& view);

std::string status_json(Gateway& gateway);
// Our own family, now; its histograms are the gateway's.
std::vector<common::MetricFamilyText> metric_families(Gateway& gateway);
std::string metrics_text(Gateway& gateway);

}  // namespace activator
