#include "common/core/forwarded.hpp"

namespace common {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n\v\f";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// RFC 7239 6: an IPv6 address stands in brackets and quotes.
void append_node(std::string_view node, std::string& out) {
    out += "for=";
    if (node.find(':') == std::string_view::npos) {
        out += node;
    } else {
        ((out += "\"[") += node) += "]\"";
    }
}

}  // namespace

std::optional<std::string> forwarded_value(const ForwardingFields& fields) {
    if (!fields.forwarded.empty()) return std::nullopt;
    const std::string_view host = fields.x_forwarded_host;
    const std::string_view proto = fields.x_forwarded_proto;
    std::string_view nodes = fields.x_forwarded_for;
    if (nodes.empty() && host.empty() && proto.empty()) return std::nullopt;

    std::string out;
    const auto separate = [&out] {
        if (!out.empty()) out += ';';
    };
    // Takes the first node of what is left. Nothing after a last comma is no node (",,," has
    // three).
    const auto take_node = [&nodes] {
        const auto comma = nodes.find(',');
        const std::string_view node = trimmed(nodes.substr(0, comma));
        nodes.remove_prefix(comma == std::string_view::npos ? nodes.size() : comma + 1);
        return node;
    };
    if (!nodes.empty()) append_node(take_node(), out);
    if (!host.empty()) {
        separate();
        (out += "host=") += host;
    }
    if (!proto.empty()) {
        separate();
        (out += "proto=") += proto;
    }
    while (!nodes.empty()) {
        out += ", ";
        append_node(take_node(), out);
    }
    return out;
}

}  // namespace common
