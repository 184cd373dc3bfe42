// Names of the header fields that our programs and Knative's say things to each other with. Clients
// cannot speak this language: see is_private_header().
#pragma once

#include <string_view>

namespace common::headers {

// Activator to queue-proxy: refuse rather than queue.
inline constexpr std::string_view sluice_try = "Sluice-Try";
// Activator to queue-proxy, beside Sluice-Try: the number of the slot stream on which the slot was
// granted.
inline constexpr std::string_view sluice_grant = "Sluice-Grant";
// On an upgrade to `slot_protocol`. Activator to queue-proxy "open": I want a slot stream. Queue-
// proxy to activator, on the 101: the stream's number. What is said then: core/slot_message.hpp.
inline constexpr std::string_view sluice_slots = "Sluice-Slots";
inline constexpr std::string_view slots_open = "open";
inline constexpr std::string_view slot_protocol = "sluice-slots";
// Activator to queue-proxy, beside Expect: 100-continue that the client did not ask for: say 100 as
// soon as the request is admitted and the application connected; the body cannot be sent twice.
inline constexpr std::string_view sluice_body = "Sluice-Body";
inline constexpr std::string_view body_held = "held";
// Queue-proxy to activator, on 503: not one byte reached the application. Values below.
inline constexpr std::string_view sluice_refused = "Sluice-Refused";
inline constexpr std::string_view refused_busy = "busy";
inline constexpr std::string_view refused_unreachable = "unreachable";
// Queue-proxy to activator, on an error of its own: what became of the request. Values below.
inline constexpr std::string_view sluice_error = "Sluice-Error";
inline constexpr std::string_view error_lost =
    "lost";  // the application broke off; it may have started
inline constexpr std::string_view error_timeout = "timeout";  // the revision's timeout passed
// Queue-proxy to activator: the slot stays taken until this message ends, however early its head
// came.
inline constexpr std::string_view sluice_slot = "Sluice-Slot";
inline constexpr std::string_view slot_held = "held";
// Activator to client: which pod answered.
inline constexpr std::string_view sluice_pod = "Sluice-Pod";

// Contracts queue-proxy.md 3 and activator.md 4.
inline constexpr std::string_view original_host = "K-Original-Host";
inline constexpr std::string_view proxy_request = "K-Proxy-Request";
inline constexpr std::string_view network_probe = "K-Network-Probe";
inline constexpr std::string_view network_hash = "K-Network-Hash";
inline constexpr std::string_view passthrough_lb = "K-Passthrough-Lb";
inline constexpr std::string_view kubelet_probe = "K-Kubelet-Probe";
inline constexpr std::string_view revision_name = "Knative-Serving-Revision";
inline constexpr std::string_view revision_namespace = "Knative-Serving-Namespace";

// A field that only our programs and Knative's may send: `Sluice-*` and `K-*`.
bool is_private_header(std::string_view name);

}  // namespace common::headers
