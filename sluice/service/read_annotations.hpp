// The annotations of a Service and of its template: which mean something here, and what.
#pragma once

#include "sluice/service/service_file.hpp"
#include "sluice/service/yaml_field.hpp"

namespace sluice {

// The metadata maps; either may be absent. Fills the service's annotations, knobs, scaling,
// full_duplex and ignored.
void read_annotations(const std::optional<YamlField>& service_metadata,
                      const std::optional<YamlField>& template_metadata,
                      const autoscaler::Config& config, ServiceSpec& service);

}  // namespace sluice
