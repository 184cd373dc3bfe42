// What a service file means to the autoscaler and to the router, for all that run a service: on
// this machine's pods (service_runner) or in virtual time (replay).
#pragma once

#include "activator/revision.hpp"
#include "autoscaler/scaling_policy.hpp"
#include "sluice/service/service_file.hpp"

namespace sluice {

// As Knative resolves it, but without a first pod (initial-scale) that nobody asked for.
autoscaler::ScalingPolicy scaling_policy_of(const ServiceSpec& service,
                                            const autoscaler::Config& config);

activator::Revision revision_of(const ServiceSpec& service);

}  // namespace sluice
