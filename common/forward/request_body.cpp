#include "common/forward/request_body.hpp"

#include "common/core/check.hpp"

namespace common {

RequestBody::RequestBody(Exchange& exchange, std::size_t replay_bytes_max)
    : exchange_(exchange), replay_bytes_max_(replay_bytes_max) {}

std::optional<BodyRead> RequestBody::replay() {
    const bool bytes_left = position_ < kept_.size();
    if (!bytes_left && !(source_ended_ && !end_told_)) return std::nullopt;
    BodyRead read;
    part_ = std::string_view(kept_).substr(position_);
    position_ = kept_.size();
    read.piece.parts = std::span<const std::string_view>(&part_, part_.empty() ? 0 : 1);
    read.piece.bytes = part_.size();
    read.piece.last = end_told_ = source_ended_;
    return read;
}

void RequestBody::keep(const BodyPiece& piece) {
    bytes_read_ += piece.bytes;
    if (piece.last) source_ended_ = end_told_ = true;
    if (overflowed_) stop_keeping();  // what was left to replay has been sent by now
    if (overflowed_ || piece.bytes == 0) return;
    const bool fits = kept_.size() + piece.bytes <= replay_bytes_max_;
    if (!fits || (may_keep_ && !may_keep_(piece.bytes))) {
        stop_keeping();
        return;
    }
    for (const std::string_view part : piece.parts)
        kept_.append(part);
    position_ = kept_.size();
}

std::optional<BodyRead> RequestBody::at_hand() {
    std::optional<BodyRead> read = replay();
    if (read || source_ended_) return read;
    read = exchange_.body_at_hand();
    if (read && !read->ec) keep(read->piece);
    return read;
}

awaitable<BodyRead> RequestBody::read() {
    const std::optional<BodyRead> replayed = replay();
    if (replayed) co_return *replayed;
    if (source_ended_) {
        BodyRead end;
        end.piece.last = true;
        co_return end;
    }
    const BodyRead fresh = co_await exchange_.read_body();
    if (!fresh.ec) keep(fresh.piece);
    co_return fresh;
}

bool RequestBody::look() {
    CHECK(position_ == 0 && !end_told_);
    if (source_ended_ || overflowed_) return false;
    return keep_unsent(exchange_.body_at_hand());
}

awaitable<bool> RequestBody::look_further() {
    CHECK(position_ == 0 && !end_told_);
    if (source_ended_ || overflowed_) co_return false;
    const BodyRead fresh = co_await exchange_.read_body();
    co_return keep_unsent(fresh);
}

bool RequestBody::keep_unsent(const std::optional<BodyRead>& read) {
    if (!read || read->ec) return false;
    bytes_read_ += read->piece.bytes;
    source_ended_ = read->piece.last;
    for (const std::string_view part : read->piece.parts)
        kept_.append(part);
    // What has been read must be sent; only a second time there cannot be then.
    if (may_keep_ && read->piece.bytes > 0 && !may_keep_(read->piece.bytes)) overflowed_ = true;
    return true;
}

void RequestBody::rewind() {
    CHECK(can_rewind());
    position_ = 0;
    end_told_ = false;
}

void RequestBody::stop_keeping() {
    overflowed_ = true;
    if (position_ < kept_.size()) return;  // rewound: these bytes are still to be sent
    std::string().swap(kept_);
    position_ = 0;
}

}  // namespace common
