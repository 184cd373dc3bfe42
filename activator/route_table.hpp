// Which revision is a request for, by name? Host names for clients at the edge, Knative's two
// headers behind an ingress. A look-up is one hash look-up, however many revisions there are.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "activator/revision.hpp"
#include "common/http/head.hpp"

namespace activator {

class RouteTable {
  public:
    void add(const Revision& revision);
    void remove(const Revision& revision);

    // SERVICE.NAMESPACE.DOMAIN, or SERVICE alone where that is one service only. Where there is one
    // service in all, it is meant whatever the host, but not if that names its namespace and
    // another service: that one has gone, and this one's answers are not what is asked for. Of a
    // service's revisions the one added last. Without case; a port is ignored.
    std::optional<RevisionId> by_host(std::string_view host) const;
    std::optional<RevisionId> by_name(std::string_view name_space, std::string_view name) const;

  private:
    struct Entry {
        std::string name_space;  // lower case
        RevisionId id;
    };

    std::unordered_map<std::string, std::vector<Entry>> services_;  // by lower-case service
    std::unordered_map<std::string, RevisionId> names_;             // "namespace/name"
};

// Contract activator.md 2.1: the headers Knative-Serving-*, or else a Host of the form
// REVISION.NAMESPACE.svc.<cluster domain>. Both empty: neither names one. The views are into
// `head`.
struct RevisionNames {
    std::string_view name_space;
    std::string_view name;
};
RevisionNames revision_names(const common::RequestHead& head, std::string_view cluster_domain);

}  // namespace activator
