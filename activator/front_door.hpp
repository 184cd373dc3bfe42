// What the activator answers before it asks which revision is meant: probes of the kubelet, of the
// ingress and of Knative (contract activator.md 4.1 to 4.3), and forms that no pod gets to see.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "activator/api_keys.hpp"
#include "common/http/head.hpp"
#include "common/http/simple_response.hpp"

namespace activator {

// Who is on the other side of the listening port.
struct FrontDoor {
    // true: clients themselves. What looks like a probe is an ordinary request, and every header of
    // the private languages (Sluice-*, K-*, Knative-Serving-*) is dropped. false: Knative's ingress
    // and the kubelet; their headers are honoured.
    bool edge = true;
    bool tls = false;  // they speak TLS with us
    std::string cluster_domain = "cluster.local";
    // "" while the program is well, else what the kubelet is told that asks at `path`. Not set:
    // well.
    std::function<std::string(std::string_view path)> health;
    // Who may ask; null: everybody.
    std::shared_ptr<const ApiKeys> keys;
};

// Empty: an ordinary request.
std::optional<common::SimpleResponse> answer_at_door(const common::RequestHead& head,
                                                     const FrontDoor& door);

// "Plain error" of Go's http.Error: text/plain, nosniff, a newline at the end.
common::SimpleResponse plain_error(int status, std::string message);
// Stock's 404 for a revision that is not known (contract 2.1).
common::SimpleResponse unknown_revision(std::string_view name);

}  // namespace activator
