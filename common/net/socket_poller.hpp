// Which connected sockets have become readable or writable, told once per change. An epoll set of
// our own, registered in Asio's as one descriptor, so that everything else of the event loop stays
// Asio's.
//
// Asio tries each read before it waits, because it does not ask the kernel for the peer's end
// (EPOLLRDHUP) and so cannot tell from a short read that nothing is left. A relay waits in vain
// twice a request (for an answer that cannot be there yet, for a client that has nothing more to
// say): two system calls of six. Here a socket is registered once, edge-triggered, with EPOLLRDHUP,
// and is read only after the kernel said that there is something. One turn takes all sockets that
// are ready, and calls their owners without a pass through Asio's queue.
#pragma once

#include <cstdint>
#include <vector>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "common/net/sockets.hpp"
#include "common/net/stream.hpp"

namespace common {

// One for each io_context, made when it is first asked for.
class SocketPoller final : public boost::asio::execution_context::service {
  public:
    // An operation's handler and what to call it with.
    struct Ended {
        Stream::Handler handler;
        IoResult result;
    };
    class Socket {
      public:
        virtual ~Socket() = default;
        // EPOLL* flags; they may be old news. Reads and writes, calls nobody: what has ended is put
        // into `ended`.
        virtual void on_ready(std::uint32_t events, std::vector<Ended>& ended) = 0;
        // The event loop is going away: whoever waits is destroyed, not called.
        virtual void abandon() = 0;
    };
    using Id = std::uint32_t;
    static constexpr Id none = ~Id{0};

    static SocketPoller& of(const LoopExecutor& executor);

    // What Asio's registry asks for.
    static boost::asio::execution_context::id id;
    explicit SocketPoller(boost::asio::io_context& io);

    // `none`: the kernel takes no more. REQUIRES: remove() comes before the descriptor is closed
    // and before `socket` dies.
    Id add(int descriptor, Socket& socket);
    void remove(Id place, int descriptor);

    // An event loop ends when nothing is left to wait for: it waits for us between these.
    void operation_started();
    void operation_ended();

  private:
    struct Place {
        Socket* socket = nullptr;
        std::uint32_t generation = 0;  // events of an earlier socket in this place are dropped
    };

    void shutdown() override;
    void wait();
    void collect();

    boost::asio::posix::basic_stream_descriptor<LoopExecutor> epoll_;
    std::vector<Place> places_;
    std::vector<Id> free_;
    std::vector<Ended> ended_;  // in this turn
    std::size_t operations_ = 0;
    bool waiting_ = false;
};

}  // namespace common
