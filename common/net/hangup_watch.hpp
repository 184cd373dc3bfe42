// Tells when the peer of a socket has closed, also while bytes that nobody reads lie before the
// end. A read cannot tell (it would have to take the bytes), and Asio's wait_read fires for the
// bytes. So these sockets are also registered, for EPOLLRDHUP alone, in an epoll set of their own,
// and that set's descriptor is watched by Asio.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

namespace common {

class HangupWatch {
  public:
    explicit HangupWatch(boost::asio::any_io_executor executor);
    ~HangupWatch();

    // `on_hangup` runs once, from the event loop, when the peer has closed its sending side or the
    // connection is broken (at once if it already is). REQUIRES: the descriptor is not watched yet,
    // and is removed before it is closed.
    void add(int descriptor, std::function<void()> on_hangup);
    void remove(int descriptor);

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace common
