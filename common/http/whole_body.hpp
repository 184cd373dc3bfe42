// A request's body as one text, for requests that are for ourselves.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "common/http/exchange.hpp"

namespace common {

// Empty: the body broke off, or is longer than `bytes_max`.
awaitable<std::optional<std::string>> read_whole_body(Exchange& exchange, std::size_t bytes_max);

}  // namespace common
