// The Forwarded header (RFC 7239) made of the X-Forwarded family, for applications that read only
// the former (contract queue-proxy 3.5). Pure text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace common {

struct ForwardingFields {
    std::string_view forwarded;
    // The first instance of each header, as it came in (without this proxy's own addition).
    std::string_view x_forwarded_for;
    std::string_view x_forwarded_host;
    std::string_view x_forwarded_proto;
};

// The value to set, or nothing: Forwarded exists already, or there is nothing to tell.
std::optional<std::string> forwarded_value(const ForwardingFields& fields);

}  // namespace common
