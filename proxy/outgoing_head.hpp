// The request head as the application gets it (contract queue-proxy 3.5 to 3.7), and the head as
// classification reads it.
#pragma once

#include <string_view>

#include "common/http/head.hpp"
#include "proxy/core/request_class.hpp"

namespace proxy {

// Views into `head`.
HeadView head_view(const common::RequestHead& head);

// `peer`: "10.0.0.1:4711".
common::RequestHead outgoing_head(const common::RequestHead& incoming, std::string_view peer,
                                  const RequestClass& what);

// Removes every Sluice-* field.
void erase_private_fields(common::Fields& fields);

}  // namespace proxy
