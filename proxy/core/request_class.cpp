#include "proxy/core/request_class.hpp"

#include "common/core/check.hpp"
#include "common/core/parse.hpp"

namespace proxy {

namespace {

constexpr std::string_view kubelet_agent = "kube-probe/";

bool is_bodiless_read(const HeadView& head) {
    return (head.method == "GET" || head.method == "HEAD") && !head.has_body && !head.has_upgrade;
}

bool opens_slot_stream(const HeadView& head) {
    return head.sluice_slots == "open" && head.method == "GET" && !head.has_body &&
           head.has_upgrade && head.upgrade == "sluice-slots";
}

std::uint64_t stream_number(std::string_view text) {
    const std::int64_t number = common::parse_int(text).value_or(0);
    return number > 0 ? static_cast<std::uint64_t>(number) : 0;
}

ProbeAnswer plain_error(unsigned status, std::string message) {
    message += '\n';
    return {.status = status, .body = std::move(message), .plain_error = true, .echo_hash = {}};
}

}  // namespace

bool is_health_check(const HeadView& head) {
    return head.user_agent.starts_with(kubelet_agent) ||
           head.user_agent.starts_with("Knative-Activator-Probe") ||
           head.user_agent.starts_with("Knative-Autoscaling-Probe");
}

bool is_kubelet_probe(const HeadView& head) {
    return head.user_agent.starts_with(kubelet_agent) || !head.k_kubelet_probe.empty();
}

bool is_probe(const HeadView& head) {
    return is_kubelet_probe(head) || !head.k_network_probe.empty();
}

bool is_direct_probe_shape(const HeadView& head) {
    return is_bodiless_read(head) && head.x_forwarded_for.empty() && head.forwarded.empty() &&
           head.via.empty() && head.k_proxy_request.empty() &&
           head.knative_serving_revision.empty();
}

RequestClass classify(const HeadView& head, std::span<const common::PathPattern> control_paths) {
    RequestClass result;
    if (is_health_check(head)) {
        result.kind = RequestKind::health_check;
        result.quiet = is_probe(head);
        return result;
    }
    if (head.k_network_probe == "probe" && is_bodiless_read(head)) {
        result.kind = RequestKind::network_probe;
        result.quiet = true;
        return result;
    }
    const bool direct = is_direct_probe_shape(head);
    result.quiet = direct && is_probe(head);
    if (direct && is_kubelet_probe(head)) {
        result.kind = RequestKind::kubelet_bypass;
        return result;
    }
    const bool from_activator = head.knative_serving_revision.empty();
    if (from_activator && opens_slot_stream(head)) {
        result.kind = RequestKind::slot_stream;
        result.quiet = true;
        return result;
    }
    result.proxied = from_activator && head.k_proxy_request == "activator";
    result.activator_try = from_activator && head.sluice_try == "1";
    if (result.activator_try) result.grant = stream_number(head.sluice_grant);
    result.control = common::is_listed_control(control_paths, head.method, head.target);
    return result;
}

std::optional<ProbeAnswer> probe_answer(const HeadView& head, RequestKind kind, bool draining) {
    CHECK(kind == RequestKind::health_check || kind == RequestKind::network_probe);
    if (draining) return plain_error(503, "shutting down");
    if (kind == RequestKind::network_probe) {
        if (head.k_network_hash.empty()) {
            return plain_error(
                400, "a probe request must contain a non-empty \"K-Network-Hash\" header");
        }
        ProbeAnswer echo;
        echo.echo_hash = head.k_network_hash;
        return echo;
    }
    if (head.k_network_probe != "queue") {
        return plain_error(400,
                           "unexpected probe header value: " + std::string(head.k_network_probe));
    }
    return std::nullopt;
}

ProbeAnswer readiness_answer(bool ready) {
    ProbeAnswer answer;
    if (ready) {
        answer.body = "queue";
    } else {
        answer.status = 503;
    }
    return answer;
}

}  // namespace proxy
