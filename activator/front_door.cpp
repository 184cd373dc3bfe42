#include "activator/front_door.hpp"

#include <utility>

#include "common/core/path_pattern.hpp"
#include "common/protocol/headers.hpp"

namespace activator {
namespace {

namespace headers = common::headers;
using common::SimpleResponse;

// As Go's html.EscapeString.
std::string html_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '&':
                out += "&amp;";
                break;
            case '\'':
                out += "&#39;";
                break;
            case '"':
                out += "&#34;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

SimpleResponse health_answer(const common::RequestHead& head, const FrontDoor& door) {
    const std::string_view path = common::path_of_target(head.target);
    const std::string problem = door.health ? door.health(path) : std::string();
    if (!problem.empty()) return plain_error(500, problem);
    return SimpleResponse{};
}

SimpleResponse ingress_probe_answer(std::string_view hash) {
    if (hash.empty())
        return plain_error(400,
                           "a probe request must contain a non-empty \"K-Network-Hash\" header");
    SimpleResponse response;
    response.fields.add(headers::network_hash, hash);
    return response;
}

}  // namespace

SimpleResponse plain_error(int status, std::string message) {
    SimpleResponse response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.fields.add("X-Content-Type-Options", "nosniff");
    response.body = std::move(message) + "\n";
    return response;
}

SimpleResponse unknown_revision(std::string_view name) {
    return plain_error(404, "Error getting active endpoint: revision.serving.knative.dev \"" +
                                std::string(name) + "\" not found");
}

std::optional<SimpleResponse> answer_at_door(const common::RequestHead& head,
                                             const FrontDoor& door) {
    if (!door.edge) {
        const bool from_kubelet = head.fields.get("User-Agent").starts_with("kube-probe/") ||
                                  !head.fields.get(headers::kubelet_probe).empty();
        if (from_kubelet) return health_answer(head, door);
        const std::string_view probe = head.fields.get(headers::network_probe);
        if (probe == "probe") return ingress_probe_answer(head.fields.get(headers::network_hash));
        if (probe == "activator") {
            SimpleResponse response;
            response.content_type = "text/plain; charset=utf-8";
            response.body = "activator";
            return response;
        }
        if (!probe.empty()) {
            return plain_error(400,
                               "unexpected probe header value: \"" + html_escaped(probe) + "\"");
        }
    }
    if (head.method == "CONNECT")
        return plain_error(502, "client sent unsupported CONNECT request");
    return std::nullopt;
}

}  // namespace activator
