// Bytes that were read and not yet parsed. Contiguous; grows on demand up to what the caller asks
// for; gives its memory back when it is empty and told to, so that a waiting request costs little.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include <boost/asio/buffer.hpp>

namespace common {

class InputBuffer {
  public:
    std::string_view data() const { return {storage_.get() + begin_, end_ - begin_}; }
    std::size_t size() const { return end_ - begin_; }
    bool empty() const { return begin_ == end_; }
    std::size_t capacity() const { return capacity_; }

    // Room for at least `n` more bytes. Views of data() are invalid afterwards.
    boost::asio::mutable_buffer prepare(std::size_t n) {
        if (capacity_ - end_ < n) make_room(n);
        return {storage_.get() + end_, capacity_ - end_};
    }
    void commit(std::size_t n) { end_ += n; }
    // The bytes stay where they are (views of them stay valid) until the next prepare() or
    // shrink().
    void consume(std::size_t n) {
        begin_ += n;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    // Frees what is not in use.
    void shrink() {
        if (empty()) {
            storage_.reset();
            begin_ = end_ = capacity_ = 0;
        } else if (capacity_ > 2 * size()) {
            reallocate(size());
        }
    }

  private:
    void make_room(std::size_t n) {
        const std::size_t used = size();
        if (used + n <= capacity_) {
            std::memmove(storage_.get(), storage_.get() + begin_, used);
            begin_ = 0;
            end_ = used;
        } else {
            reallocate(used + n < 2 * capacity_ ? 2 * capacity_ : used + n);
        }
    }
    void reallocate(std::size_t capacity) {
        const std::size_t used = size();
        // Not value-initialised: every byte is written by a read before it is looked at.
        std::unique_ptr<char[]> bigger(new char[capacity]);
        if (used > 0) std::memcpy(bigger.get(), storage_.get() + begin_, used);
        storage_ = std::move(bigger);
        capacity_ = capacity;
        begin_ = 0;
        end_ = used;
    }

    std::unique_ptr<char[]> storage_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace common
