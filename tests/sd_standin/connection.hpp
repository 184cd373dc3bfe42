// One HTTP/1.1 connection, read and written by one thread, blocking.
//
// It gives whole request heads and pieces of bodies, and sends bytes as they are given: the
// endpoints that misbehave on purpose need that. It never answers by itself. Message parsing is
// Beast's; the order and spelling of headers come from the raw bytes, which Beast would regroup.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tests/sd_standin/http.hpp"

namespace standin {

class Connection {
  public:
    enum class Head { complete, closed, malformed, too_large, unknown_coding };

    // Takes the descriptor and closes it at the end.
    explicit Connection(int descriptor);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Waits at most `idle_seconds` for the first byte (0: for ever).
    Head read_head(Request& request, std::int64_t idle_seconds);
    // True until the whole body of the present request was read.
    bool body_remains() const;
    // Declared by Content-Length, 0 if not declared.
    std::uint64_t declared_length() const;
    // Sends 100 Continue if the client waits for it, then hands the body over in pieces. False:
    // the client left, the body was malformed, or `piece` returned false.
    bool read_body(const std::function<bool(std::string_view piece)>& piece);
    // Whether the client and HTTP allow another request after this one.
    bool may_persist() const;
    // True when all bytes were handed to the kernel.
    bool send(std::string_view bytes);
    // True when the client has closed its sending side; asks the kernel, reads nothing.
    bool client_left() const;
    // Ends our sending side and discards input for a moment, so that the answer is not destroyed
    // by a reset when unread input remains.
    void linger();
    // Bytes that were read beyond the head, and the descriptor: the caller owns both from now on.
    std::string take_rest();
    int release();

  private:
    struct Parts;  // keeps Beast out of this header
    std::unique_ptr<Parts> parts_;
};

}  // namespace standin
