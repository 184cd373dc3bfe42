// Which of the activators before a revision am I? (contract activator.md 3.3)
#pragma once

#include <string>
#include <vector>

#include "activator/core/pod_slices.hpp"

namespace activator::kubernetes {

// The place of the activator at `own_ip` among the ready addresses ("10.0.0.1:8012") of a
// revision's public Endpoints. A list without it says nothing (the revision's own pods stand there,
// or we are about to leave): then `before` stays.
ActivatorPlace place_among(std::vector<std::string> addresses, const std::string& own_ip,
                           const ActivatorPlace& before);

}  // namespace activator::kubernetes
