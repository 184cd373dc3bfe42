#include "common/http/forwarding.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace common {
namespace {

bool is_one_of(std::string_view name, std::span<const std::string_view> list) {
    return std::any_of(list.begin(), list.end(),
                       [name](std::string_view s) { return equal_ignoring_case(name, s); });
}

// Fields that describe one connection only (contract queue-proxy.md 3.7.3), and the framing, which
// we write anew.
bool is_hop_by_hop(std::string_view name) {
    static constexpr std::array<std::string_view, 10> fields = {"Connection",
                                                                "Proxy-Connection",
                                                                "Keep-Alive",
                                                                "Proxy-Authenticate",
                                                                "Proxy-Authorization",
                                                                "Te",
                                                                "Transfer-Encoding",
                                                                "Trailer",
                                                                "Upgrade",
                                                                "Content-Length"};
    switch (name.size()) {  // nearly every field is told apart by its length alone
        case 2:
        case 7:
        case 10:
        case 14:
        case 16:
        case 17:
        case 18:
        case 19:
            return is_one_of(name, fields);
        default:
            return false;
    }
}

bool less_ignoring_case(std::string_view a, std::string_view b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? x + 32 : x) < (y >= 'A' && y <= 'Z' ? y + 32 : y);
    });
}

// Names that Connection lists, beyond the standard ones, in order: a head may hold thousands of
// names and fields, and comparing each with each would cost a second. Host belongs to the request
// line's meaning, and no client can make us drop it.
std::vector<std::string_view> listed_names(const Fields& fields) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const Fields::Field field = fields[i];
        if (!equal_ignoring_case(field.name, "Connection")) continue;
        std::string_view rest = field.value;
        while (!rest.empty()) {
            const std::size_t comma = rest.find(',');
            const std::string_view name = trim_blanks(rest.substr(0, comma));
            rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
            const bool plain = name.empty() || equal_ignoring_case(name, "keep-alive") ||
                               equal_ignoring_case(name, "close") ||
                               equal_ignoring_case(name, "upgrade") ||
                               equal_ignoring_case(name, "Host");
            if (!plain) names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end(), less_ignoring_case);
    return names;
}

// Drops what is for one connection only.
void keep_end_to_end(Fields& fields) {
    if (!fields.has("Connection")) {  // nearly always
        fields.erase_if(is_hop_by_hop);
        return;
    }
    // Views into the fields, which erase_if() does not move.
    const std::vector<std::string_view> listed = listed_names(fields);
    fields.erase_if([&listed](std::string_view name) {
        return is_hop_by_hop(name) ||
               std::binary_search(listed.begin(), listed.end(), name, less_ignoring_case);
    });
}

bool wants_length(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

std::string_view host_of_peer(std::string_view peer) {
    const std::size_t colon = peer.rfind(':');
    std::string_view host = peer.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return host;
}

RequestHead forward_request_head(const RequestHead& incoming, std::string_view peer) {
    RequestHead head;
    head.method = incoming.method;
    head.target = incoming.target;
    head.upgrade = incoming.upgrade;
    head.expect_continue = incoming.expect_continue;
    head.body = incoming.body;
    if (head.body.kind == BodyKind::none && wants_length(head.method))
        head.body = {BodyKind::length, 0};
    head.fields.add_all(incoming.fields);
    keep_end_to_end(head.fields);

    std::string forwarded_for = head.fields.joined("X-Forwarded-For");
    if (!forwarded_for.empty()) forwarded_for += ", ";
    forwarded_for += host_of_peer(peer);
    head.fields.set("X-Forwarded-For", forwarded_for);
    if (incoming.fields.lists("Te", "trailers")) head.fields.add("Te", "trailers");
    if (incoming.upgrade) {
        head.fields.add("Connection", "Upgrade");
        head.fields.add("Upgrade", incoming.fields.get("Upgrade"));
    }
    return head;
}

ResponseHead forward_response_head(ResponseHead head) {
    head.version = 11;
    head.keep_alive = true;
    Fields& fields = head.fields;
    // Content-Length without a body (HEAD, 304) is information, not framing.
    const bool keep_length = head.body.kind == BodyKind::none && head.status >= 200 &&
                             head.status != 204 && fields.has("Content-Length");
    const bool upgrade = head.status == 101;
    // The announcement of trailer fields goes on with them (contract queue-proxy.md 3.8).
    const bool keep_trailer = head.body.kind == BodyKind::chunked && fields.has("Trailer");
    const std::string length(keep_length ? fields.get("Content-Length") : "");
    const std::string protocol(upgrade ? fields.get("Upgrade") : "");
    const std::string trailer = keep_trailer ? fields.joined("Trailer") : std::string();
    keep_end_to_end(fields);
    if (keep_length) fields.add("Content-Length", length);
    if (upgrade) {
        fields.add("Connection", "Upgrade");
        fields.add("Upgrade", protocol);
    }
    if (keep_trailer) fields.add("Trailer", trailer);
    return head;
}

Fields forward_trailers(const Fields& incoming) {
    Fields trailers;
    for (std::size_t i = 0; i < incoming.size(); ++i) {
        const Fields::Field field = incoming[i];
        if (is_hop_by_hop(field.name) || equal_ignoring_case(field.name, "Host")) continue;
        trailers.add(field.name, field.value);
    }
    return trailers;
}

}  // namespace common
