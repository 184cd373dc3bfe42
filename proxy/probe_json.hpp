// SERVING_READINESS_PROBE: JSON to probe specifications (contract queue-proxy 4.2, D8).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/core/probe_spec.hpp"

namespace proxy {

struct ParsedProbes {
    std::vector<ProbeSpec> probes;      // ready when all pass; empty: always ready
    std::vector<std::string> problems;  // what is wrong with the JSON; then probes is meaningless
};

// `json` is a Kubernetes Probe object, or with `is_array` (ENABLE_MULTI_CONTAINER_PROBES) an array
// of them; the wrong shape is a problem (row 92). Empty text, `null` and `null` elements mean "no
// probe" (deviation D8: they end stock with a crash). `exec` and `{}` are no problems: they give a
// probe that never passes.
ParsedProbes parse_probes(std::string_view json, bool is_array);

}  // namespace proxy
