// Small files: certificates, tokens, settings.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace common {

// The whole file; nothing if it cannot be read.
std::optional<std::string> read_file(const std::string& path);

// So that a test can say what is in the files.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

}  // namespace common
