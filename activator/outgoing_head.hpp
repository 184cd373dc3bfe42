// What the activator changes in a head: on the way to a pod (contract activator.md 4.1) and back.
#pragma once

#include <string_view>

#include "activator/front_door.hpp"
#include "activator/revision.hpp"
#include "activator/router.hpp"
#include "common/http/head.hpp"

namespace activator {

// The head to send to `pod`: nobody outside speaks our private language or Knative's, the session
// cookie stays here, Host is the pod's and K-Original-Host the client's. `hold_body`: see
// common::Relay::hold_body().
common::RequestHead outgoing_head(const common::RequestHead& incoming, std::string_view peer,
                                  const Revision& revision, const Pod& pod, const FrontDoor& door,
                                  bool hold_body);

// Takes out every Sluice-* field: what the queue-proxy says to us is not the client's business.
void erase_sluice_fields(common::Fields& fields);

}  // namespace activator
