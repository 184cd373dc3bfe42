// The container of a Knative Service's revision template.
#pragma once

#include "sluice/service/service_file.hpp"
#include "sluice/service/yaml_field.hpp"

namespace sluice {

// Reads one entry of spec.template.spec.containers. `preset_readiness` is the GET path of the
// application preset that stands in for a missing readinessProbe, or empty.
Container read_container(const YamlField& field, std::string_view preset_readiness);

}  // namespace sluice
