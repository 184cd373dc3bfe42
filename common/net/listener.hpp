// Accepts connections for ever. An error of accept (out of descriptors, a peer that left at once)
// never ends the loop: it is counted, and after a pause that grows from 10 ms to 1 s the listener
// goes on.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "common/async/task_group.hpp"
#include "common/net/address.hpp"
#include "common/net/stream.hpp"
#include "common/net/unique_fd.hpp"
#include "common/time/time_source.hpp"

namespace common {

class Listener {
  public:
    using OnConnection = std::function<void(std::unique_ptr<Stream>)>;

    // `tasks` and `time` must outlive the listener's task, which ends after close().
    Listener(TaskGroup& tasks, TimeSource& time);
    ~Listener();

    // Binds and listens. An empty host listens on every IPv6 and IPv4 address. Returns "" or one
    // line that says what is wrong ("127.0.0.1:8080: Address already in use").
    std::string open(const Address& address);
    // Accepts from a socket that another process listens on, too: whatever waits in its queue is
    // served by whoever comes first. Returns "" or what is wrong.
    std::string adopt(UniqueFd socket);
    // To be given to another process; stays ours.
    int native_handle();
    // Starts the accept loop. REQUIRES: open() or adopt() succeeded.
    void start(OnConnection on_connection);
    // Accepts no more. The port is free when this returns, unless another process has the socket,
    // too: then it loses nothing that the kernel has queued.
    void close();
    // What it is bound to (the port that the system chose for port 0).
    Address local_address() const { return local_; }
    std::size_t accept_errors() const;

  private:
    struct Shared;
    static awaitable<void> accept_loop(std::shared_ptr<Shared> shared);

    TaskGroup& tasks_;
    std::shared_ptr<Shared> shared_;
    Address local_;
};

}  // namespace common
