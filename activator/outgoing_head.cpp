#include "activator/outgoing_head.hpp"

#include <string>

#include "common/http/cookies.hpp"
#include "common/http/forwarding.hpp"
#include "common/protocol/headers.hpp"

namespace activator {
namespace {

namespace headers = common::headers;

constexpr std::string_view sluice_prefix = "Sluice-";

bool is_sluice_field(std::string_view name) {
    return name.size() > sluice_prefix.size() &&
           common::equal_ignoring_case(name.substr(0, sluice_prefix.size()), sluice_prefix);
}

}  // namespace

void erase_sluice_fields(common::Fields& fields) {
    fields.erase_if(is_sluice_field);
}

common::RequestHead outgoing_head(const common::RequestHead& incoming, std::string_view peer,
                                  const Revision& revision, const Pod& pod, const FrontDoor& door,
                                  bool hold_body) {
    common::RequestHead head = common::forward_request_head(incoming, peer);
    // Behind an ingress K-Original-Host may be a DomainMapping's (row 57) and stays.
    if (door.edge) {
        head.fields.erase_if(headers::is_private_header);
    } else {
        erase_sluice_fields(head.fields);
    }
    // Nobody in front of us can have known better.
    if (door.edge && door.tls) head.fields.set("X-Forwarded-Proto", "https");
    if (door.keys) door.keys->strip(head.fields);
    head.fields.erase(headers::network_hash);
    head.fields.erase(headers::revision_name);
    head.fields.erase(headers::revision_namespace);
    if (revision.knobs.affinity.enabled)
        common::strip_cookie(head.fields, revision.knobs.affinity.cookie_name);
    if (!head.fields.has(headers::original_host))
        head.fields.add(headers::original_host, incoming.fields.get("Host"));
    if (revision.passthrough_host.empty()) {
        head.fields.set("Host", common::to_string(pod.address));
    } else {
        head.fields.set("Host", revision.passthrough_host);
        head.fields.set(headers::passthrough_lb, "true");
    }
    head.fields.set(headers::proxy_request, "activator");
    head.fields.add(headers::sluice_try, "1");
    if (hold_body && !head.expect_continue) {
        head.expect_continue = true;
        head.fields.set("Expect", "100-continue");
        head.fields.add(headers::sluice_body, headers::body_held);
    }
    return head;
}

}  // namespace activator
