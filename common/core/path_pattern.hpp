// Which requests belong to a list of paths (sluice.dev/control-paths, deny-paths)?
//
// A pattern is a path, exact ("/config") or with a '*' at its end ("/assets/*"), optionally after
// a method ("GET /sdapi/v1/options"). The query never takes part.
//
// The two uses err in opposite directions on paths that could be read in two ways ("//x",
// "/a/../x",
// "/%73erver-kill"): such a path is never a control path (it then simply needs a slot), and it is
// denied if any reading of it is denied.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace common {

struct PathPattern {
    std::string method;  // upper case; empty: any
    std::string path;    // begins with '/'; without the '*'
    bool prefix = false;
    friend bool operator==(const PathPattern&, const PathPattern&) = default;
};

// "/a", "/a/*", "POST /a". Nothing for a path without '/', a '*' elsewhere, a '?' or '#', or a bad
// method.
std::optional<PathPattern> parse_path_pattern(std::string_view text);
// Reads back with parse_path_pattern.
std::string format_path_pattern(const PathPattern& pattern);

// The part of a request target before '?' and '#'; of an absolute one ("http://host/path") that
// behind the host, "/" if there is none.
std::string_view path_of_target(std::string_view target);

// `path` percent-decoded once, with "//" and dot segments resolved; what a lenient server may see.
std::string canonical_path(std::string_view path);

// True if a pattern matches `target`'s path as it stands, and the path has only one reading.
bool is_listed_control(std::span<const PathPattern> patterns, std::string_view method,
                       std::string_view target);
// True if a pattern matches `target`'s path as it stands or in its canonical reading.
bool is_listed_denied(std::span<const PathPattern> patterns, std::string_view method,
                      std::string_view target);

}  // namespace common
