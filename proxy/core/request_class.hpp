// What kind of request is this, told from its head alone (contract queue-proxy 3.1)?
//
// Probes are told by headers only, never by path or method spelling: they come as "/", "/healthz"
// and "//healthz". Three predicates exist and are kept apart, as each decides something else:
//   health check  (row A)         who is answered here about readiness
//   kubelet probe (IsKubeletProbe) who passes the limit and the statistics by
//   quiet         (IsProbe)        who leaves no trace in span, invocation metric and request log
//
// The trust rule (issue 3, "back door"). Anyone can write a header, so one that gives a privilege
// is honoured only on a request of the shape that its rightful caller sends; otherwise the request
// is ordinary and the header is only passed on:
//   K-Kubelet-Probe    the kubelet (or Istio's rewrite of its probe) on the node: GET or HEAD, no
//                      body, no upgrade, and no header that an intermediary adds
//                      (X-Forwarded-For, Forwarded, Via, K-Proxy-Request,
//                      Knative-Serving-Revision). Whatever comes through an ingress or an
//                      activator carries one of these, so from outside the door does not exist; who
//                      reaches the pod's address directly could reach the application's port too.
//   K-Network-Probe    `probe` is answered here for GET or HEAD without a body (it may come through
//                      an ingress: that is its purpose). Any other value only makes the request
//                      quiet, and only in the shape above.
//   K-Proxy-Request    the activator, which takes Knative-Serving-Revision away. An ingress that
//                      sends straight to the pod always adds that header: then a client wrote
//                      K-Proxy-Request to hide load from the autoscaler, and it does not count.
//   Sluice-Try         as K-Proxy-Request; Sluice-Grant only beside it.
//   Sluice-Slots       as K-Proxy-Request, on a bodiless GET that upgrades to our protocol.
//   Sluice-Try
//                      would not do: the activator adds it to what its clients ask, upgrades too;
//                      a client's Sluice-Slots it drops.
//   User-Agent         the three probe agents are always answered here: no privilege, the request
//                      does not reach the application.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/core/path_pattern.hpp"

namespace proxy {

// The parts of a request head that classification reads. A header that is absent or empty is an
// empty view; of several instances the first counts. The views outlive the call, and those of
// `k_network_probe` and `k_network_hash` outlive the answer.
struct HeadView {
    std::string_view method;
    std::string_view target;  // as it stands in the request line
    std::string_view user_agent;
    std::string_view k_network_probe;
    std::string_view k_network_hash;
    std::string_view k_kubelet_probe;
    std::string_view k_proxy_request;
    std::string_view knative_serving_revision;
    std::string_view x_forwarded_for;
    std::string_view forwarded;
    std::string_view via;
    std::string_view sluice_try;
    std::string_view sluice_grant;
    std::string_view sluice_slots;
    std::string_view upgrade;  // the protocol asked for
    bool has_body = false;     // Content-Length above 0 or any Transfer-Encoding
    bool has_upgrade = false;  // Connection has the token Upgrade, or the method is CONNECT
};

enum class RequestKind : std::uint8_t {
    health_check,    // row A: answered here
    network_probe,   // row B: answered here
    kubelet_bypass,  // to the application: no limit, no statistics, no Host restore (3.6.1)
    slot_stream,     // our activator's: answered here, carries no slot, counted nowhere
    ordinary         // to the application through layer 9
};

struct RequestClass {
    RequestKind kind = RequestKind::ordinary;
    bool quiet = false;          // IsProbe, after the trust rule
    bool control = false;        // ordinary only: control lane, carries no slot
    bool proxied = false;        // ordinary only: counts as proxied by an activator
    bool activator_try = false;  // ordinary only: refuse instead of queueing when full
    std::uint64_t grant = 0;     // activator_try only: the stream whose grant it uses; 0: none

    // Never reaches the application.
    bool answered_here() const {
        return kind == RequestKind::health_check || kind == RequestKind::network_probe ||
               kind == RequestKind::slot_stream;
    }
};

// The predicates as upstream has them, before the trust rule.
bool is_health_check(const HeadView& head);   // VP/network/handlers/drain.go 212-228
bool is_kubelet_probe(const HeadView& head);  // VN/http/header 133-136
bool is_probe(const HeadView& head);          // VN/http/header 128-130

// The shape that a probe has which comes from this node and through nobody.
bool is_direct_probe_shape(const HeadView& head);

RequestClass classify(const HeadView& head, std::span<const common::PathPattern> control_paths);

struct ProbeAnswer {
    unsigned status = 200;
    std::string body;
    bool plain_error = false;    // Content-Type text/plain and nosniff (contract 3.1)
    std::string_view echo_hash;  // K-Network-Hash of the answer, if not empty
};

// The answer to a request that is answered here, if it does not depend on readiness; else nothing:
// find out whether the application is ready, then readiness_answer().
// REQUIRES: `kind` is health_check or network_probe.
std::optional<ProbeAnswer> probe_answer(const HeadView& head, RequestKind kind, bool draining);
ProbeAnswer readiness_answer(bool ready);

}  // namespace proxy
