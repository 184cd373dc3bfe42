// A request's body on its way to a backend, with what has been read kept for a second try. A
// request that a pod refused, or that may run twice, is sent again from its beginning; the client
// sends its body only once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/http/exchange.hpp"

namespace common {

class RequestBody {
  public:
    // Keeps up to `replay_bytes_max` bytes. `exchange` outlives this.
    RequestBody(Exchange& exchange, std::size_t replay_bytes_max);
    // Asked before that many more bytes are kept; false: nothing more is, and what was is dropped
    // as by stop_keeping(). For a bound that many requests share.
    using MayKeep = std::function<bool(std::size_t bytes)>;
    void share_bound(MayKeep may_keep) { may_keep_ = std::move(may_keep); }

    // As the exchange's, after a rewind from the beginning.
    std::optional<BodyRead> at_hand();
    awaitable<BodyRead> read();

    // Takes what is at hand into what is kept, to be sent later, so that it can be looked into
    // before. False: nothing came. REQUIRES: nothing was taken by at_hand() or read() yet. The last
    // piece may go beyond `replay_bytes_max`: whoever looks stops there.
    bool look();
    // As above, and waits for it. False: nothing will come (the client is gone, or was cancelled).
    awaitable<bool> look_further();
    // The body from its first byte, as far as it is kept.
    std::string_view kept() const { return kept_; }
    // The whole body has been read.
    bool source_ended() const { return source_ended_; }

    // Everything read so far is kept (or nothing has been read).
    bool can_rewind() const { return !overflowed_; }
    // The next read starts at the body's first byte. REQUIRES: can_rewind().
    void rewind();
    // Nothing will be sent twice from here on; frees what is kept, except for what a rewind has
    // made to be sent again. REQUIRES: no piece from at_hand() or read() is still in use.
    void stop_keeping();
    std::size_t bytes_kept() const { return kept_.size(); }
    // Body bytes that came from the client so far.
    std::uint64_t bytes_read() const { return bytes_read_; }

  private:
    std::optional<BodyRead> replay();
    void keep(const BodyPiece& piece);
    bool keep_unsent(const std::optional<BodyRead>& read);

    Exchange& exchange_;
    std::size_t replay_bytes_max_;
    MayKeep may_keep_;
    std::string kept_;
    std::size_t position_ = 0;  // in kept_; kept_.size(): read from the exchange
    std::string_view part_;     // what replay() hands out
    std::uint64_t bytes_read_ = 0;
    bool overflowed_ = false;
    bool source_ended_ = false;
    bool end_told_ = false;
};

}  // namespace common
