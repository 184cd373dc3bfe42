// The cluster's DNS domain, from the text of /etc/resolv.conf. (contract activator.md 1.1)
#pragma once

#include <string>
#include <string_view>

namespace activator::kubernetes {

// The rest of the first entry "svc.…" of a `search` line, without a dot at its end; empty if there
// is none.
std::string domain_of_resolv_conf(std::string_view text);

}  // namespace activator::kubernetes
