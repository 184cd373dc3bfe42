#include "activator/route_table.hpp"

#include <algorithm>

#include "common/protocol/headers.hpp"

namespace activator {
namespace {

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return lower;
}

std::string full_name(std::string_view name_space, std::string_view name) {
    std::string full(name_space);
    full += '/';
    full += name;
    return full;
}

// Takes the part before the next '.' off `rest`.
std::string_view next_label(std::string_view& rest) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
    return label;
}

}  // namespace

void RouteTable::add(const Revision& revision) {
    const std::string& service = revision.service.empty() ? revision.name : revision.service;
    services_[lower_case(service)].push_back({lower_case(revision.name_space), revision.id});
    names_[full_name(revision.name_space, revision.name)] = revision.id;
}

void RouteTable::remove(const Revision& revision) {
    const std::string& service = revision.service.empty() ? revision.name : revision.service;
    const auto entries = services_.find(lower_case(service));
    if (entries == services_.end()) return;
    std::erase_if(entries->second, [&](const Entry& entry) { return entry.id == revision.id; });
    if (entries->second.empty()) services_.erase(entries);
    const auto named = names_.find(full_name(revision.name_space, revision.name));
    if (named != names_.end() && named->second == revision.id) names_.erase(named);
}

std::optional<RevisionId> RouteTable::by_host(std::string_view host) const {
    const auto all_of_one = [](const std::vector<Entry>& entries) {
        return std::all_of(entries.begin(), entries.end(), [&](const Entry& entry) {
            return entry.name_space == entries.front().name_space;
        });
    };
    const std::string name = lower_case(host.substr(0, host.find(':')));
    std::string_view rest = name;
    const auto found = services_.find(std::string(next_label(rest)));
    const std::string_view name_space = next_label(rest);
    if (services_.size() == 1 && all_of_one(services_.begin()->second)) {
        const Entry& only = services_.begin()->second.back();
        if (found == services_.end() && name_space == only.name_space) return std::nullopt;
        return only.id;
    }
    if (found == services_.end()) return std::nullopt;
    const std::vector<Entry>& entries = found->second;
    if (name_space.empty()) {
        if (!all_of_one(entries)) return std::nullopt;
        return entries.back().id;
    }
    const auto entry = std::find_if(entries.rbegin(), entries.rend(), [&](const Entry& candidate) {
        return candidate.name_space == name_space;
    });
    if (entry == entries.rend()) return std::nullopt;
    return entry->id;
}

std::optional<RevisionId> RouteTable::by_name(std::string_view name_space,
                                              std::string_view name) const {
    const auto it = names_.find(full_name(name_space, name));
    if (it == names_.end()) return std::nullopt;
    return it->second;
}

RevisionNames revision_names(const common::RequestHead& head, std::string_view cluster_domain) {
    RevisionNames names;
    names.name_space = head.fields.get(common::headers::revision_namespace);
    names.name = head.fields.get(common::headers::revision_name);
    if (!names.name_space.empty() && !names.name.empty()) return names;
    std::string_view host = head.fields.get("Host");
    const std::string_view name = next_label(host);
    const std::string_view name_space = next_label(host);
    const bool is_service = next_label(host) == "svc";
    if (!is_service || host.substr(0, host.find(':')) != cluster_domain) return {};
    return {name_space, name};
}

}  // namespace activator
