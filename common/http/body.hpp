// Pieces of a body on their way through us.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <boost/system/error_code.hpp>

namespace common {

// Body bytes as they were found in one read. The views are valid until the next call on their
// source.
struct BodyPiece {
    std::span<const std::string_view> parts;
    std::size_t bytes = 0;
    bool last = false;  // nothing follows; `parts` may be empty
};

struct BodyRead {
    boost::system::error_code
        ec;           // eof: the peer left in mid-body; bad_message: it broke the framing
    BodyPiece piece;  // if !ec
};

inline std::size_t count_bytes(std::span<const std::string_view> parts) {
    std::size_t bytes = 0;
    for (const std::string_view part : parts)
        bytes += part.size();
    return bytes;
}

}  // namespace common
