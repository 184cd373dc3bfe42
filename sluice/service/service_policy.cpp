#include "sluice/service/service_policy.hpp"

namespace sluice {

autoscaler::ScalingPolicy scaling_policy_of(const ServiceSpec& service,
                                            const autoscaler::Config& config) {
    autoscaler::ScalingPolicy policy = autoscaler::resolve_policy(
        service.scaling, config, static_cast<std::uint32_t>(service.container_concurrency));
    // Knative starts one pod of every new revision to see whether it works. On one machine the
    // owner sees that at the first request, and a GPU is not taken before: from zero, unless the
    // file says otherwise.
    const autoscaler::Config stock;
    if (!service.scaling.initial_scale && config.initial_scale == stock.initial_scale)
        policy.bounds.initial = 0;
    return policy;
}

activator::Revision revision_of(const ServiceSpec& service) {
    activator::Revision revision;
    revision.name_space = service.name_space;
    revision.service = service.name;
    revision.name = service.revision;
    revision.concurrency = static_cast<std::uint32_t>(service.container_concurrency);
    revision.timeout = std::chrono::seconds(service.timeout_seconds);
    revision.response_start_timeout = std::chrono::seconds(service.response_start_timeout_seconds);
    revision.idle_timeout = std::chrono::seconds(service.idle_timeout_seconds);
    revision.knobs = service.knobs;
    return revision;
}

}  // namespace sluice
