// The readinessProbe of a service file.
#pragma once

#include "sluice/service/probe.hpp"
#include "sluice/service/yaml_field.hpp"

namespace sluice {

// Reads a readinessProbe map; problems go where `field` sends them.
ReadinessProbe read_readiness_probe(const YamlField& field, const ContainerPort& port);

}  // namespace sluice
