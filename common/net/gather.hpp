// The pieces of one gathered write. Nearly every message has fewer than the inline count, and costs
// no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include <boost/asio/buffer.hpp>

#include "common/net/stream.hpp"

namespace common {

class Gather {
  public:
    // The bytes stay the caller's. Empty pieces are left out.
    void add(std::string_view bytes) {
        if (bytes.empty()) return;
        bytes_ += bytes.size();
        if (count_ < inline_.size()) {
            inline_[count_++] = {bytes.data(), bytes.size()};
            return;
        }
        if (more_.empty()) more_.assign(inline_.begin(), inline_.end());
        more_.emplace_back(bytes.data(), bytes.size());
    }
    bool empty() const { return count_ == 0; }
    std::size_t bytes() const { return bytes_; }
    // Valid until the next add().
    Stream::Buffers buffers() const {
        return more_.empty() ? Stream::Buffers(inline_.data(), count_) : Stream::Buffers(more_);
    }

  private:
    std::array<boost::asio::const_buffer, 8> inline_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::vector<boost::asio::const_buffer> more_;  // all pieces, once there are too many
};

}  // namespace common
