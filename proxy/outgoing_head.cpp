#include "proxy/outgoing_head.hpp"

#include <optional>
#include <string>

#include "common/core/forwarded.hpp"
#include "common/http/forwarding.hpp"
#include "common/protocol/headers.hpp"

namespace proxy {

namespace headers = common::headers;
using common::RequestHead;

namespace {

constexpr std::string_view sluice_prefix = "Sluice-";

bool is_sluice_field(std::string_view name) {
    return name.size() > sluice_prefix.size() &&
           common::equal_ignoring_case(name.substr(0, sluice_prefix.size()), sluice_prefix);
}

// "http://host/path": the application gets the path, and Host from the target (RFC 9112 3.2.2).
void to_origin_form(RequestHead& head) {
    const std::size_t scheme = head.target.find("://");
    if (head.target.starts_with('/') || scheme == std::string::npos) return;
    const std::string rest = head.target.substr(scheme + 3);
    const std::size_t end = rest.find_first_of("/?#");
    const std::string authority = rest.substr(0, end);
    std::string path = end == std::string::npos ? "/" : rest.substr(end);
    if (!path.starts_with('/')) path.insert(0, "/");
    head.fields.set("Host", authority);
    head.target = std::move(path);
}

}  // namespace

HeadView head_view(const RequestHead& head) {
    HeadView view;
    view.method = head.method;
    view.target = head.target;
    view.user_agent = head.fields.get("User-Agent");
    view.k_network_probe = head.fields.get(headers::network_probe);
    view.k_network_hash = head.fields.get(headers::network_hash);
    view.k_kubelet_probe = head.fields.get(headers::kubelet_probe);
    view.k_proxy_request = head.fields.get(headers::proxy_request);
    view.knative_serving_revision = head.fields.get(headers::revision_name);
    view.x_forwarded_for = head.fields.get("X-Forwarded-For");
    view.forwarded = head.fields.get("Forwarded");
    view.via = head.fields.get("Via");
    view.sluice_try = head.fields.get(headers::sluice_try);
    view.sluice_grant = head.fields.get(headers::sluice_grant);
    view.sluice_slots = head.fields.get(headers::sluice_slots);
    view.upgrade = head.fields.get("Upgrade");
    view.has_body = head.body.kind == common::BodyKind::chunked || head.body.length > 0;
    view.has_upgrade = head.upgrade || head.method == "CONNECT";
    return view;
}

RequestHead outgoing_head(const RequestHead& incoming, std::string_view peer,
                          const RequestClass& what) {
    RequestHead head = common::forward_request_head(incoming, peer);
    to_origin_form(head);
    if (what.kind == RequestKind::ordinary) {
        const std::string_view original = incoming.fields.get(headers::original_host);
        if (!original.empty()) {
            head.fields.set("Host", original);
            head.fields.erase(headers::original_host);
        }
    }
    head.fields.erase(headers::revision_name);
    head.fields.erase(headers::revision_namespace);
    erase_private_fields(head.fields);
    const common::ForwardingFields forwarding{
        incoming.fields.get("Forwarded"), incoming.fields.get("X-Forwarded-For"),
        incoming.fields.get("X-Forwarded-Host"), incoming.fields.get("X-Forwarded-Proto")};
    const std::optional<std::string> forwarded = common::forwarded_value(forwarding);
    if (forwarded) head.fields.set("Forwarded", *forwarded);
    return head;
}

void erase_private_fields(common::Fields& fields) {
    fields.erase_if(is_sluice_field);
}

}  // namespace proxy
