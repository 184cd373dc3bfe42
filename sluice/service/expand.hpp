// $(VAR) in a container's command, args and env, as Kubernetes expands it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// "$(NAME)" becomes lookup(NAME), or stays as it is if there is none. "$$" becomes "$" and so
// protects what follows: "$$(NAME)" gives "$(NAME)". Any other "$" stays. One pass: what an
// expansion brings is not expanded again.
std::string expand_variables(std::string_view text, const Lookup& lookup);

// An env list as Kubernetes does it: each value may use `base` and the entries before it. Returns
// the entries alone, expanded, in order.
std::vector<std::pair<std::string, std::string>> expand_env(
    const std::vector<std::pair<std::string, std::string>>& entries, const Lookup& base);

}  // namespace sluice
