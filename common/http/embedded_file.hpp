// Files that are part of the program (cmake/embed.cmake puts them in).
#pragma once

#include <span>
#include <string_view>

namespace common {

struct EmbeddedFile {
    std::string_view name;  // without its folder
    std::string_view bytes;
};

// Null if there is none of this name.
inline const EmbeddedFile* find_embedded(std::span<const EmbeddedFile> files,
                                         std::string_view name) {
    for (const EmbeddedFile& file : files) {
        if (file.name == name) return &file;
    }
    return nullptr;
}

// By the name's ending.
inline std::string_view content_type_of(std::string_view name) {
    if (name.ends_with(".html")) return "text/html; charset=utf-8";
    if (name.ends_with(".css")) return "text/css; charset=utf-8";
    if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
    if (name.ends_with(".svg")) return "image/svg+xml";
    return "application/octet-stream";
}

}  // namespace common
