// A restart that no client notices: a new activator (or `sluice up`) takes the listening sockets of
// the running one, which then serves what it has to its end and goes.
//
// Both name the same Unix socket (--handover FILE). The new one connects to it and gets, as open
// descriptors, the ports for clients and for the admin page, this Unix socket itself for the next
// restart, and the session keys. It gets ready, says so, and is told that they are its own; only
// then does the old one stop accepting. A new one that cannot start, or says nothing, changes
// nothing.
//
// Descriptors are passed, instead of two sockets on one port (SO_REUSEPORT), because a listening
// socket has a queue: connections that the kernel has accepted and the program has not. With two
// sockets there are two queues, and closing the old one resets what is in it; draining it first
// does not help, as connections whose handshake is under way belong to it already. One socket with
// two owners has one queue, and nothing in it is lost when one of the owners lets go.
//
//   new                                old
//   connect                     ──►
//                               ◄──   {"version":1,…} + descriptors
//   opens everything; "ready"   ──►
//                               ◄──   "yours"; accepts no more, drains
//   accepts
//                               ◄──   the connection's end: gone
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/local/stream_protocol.hpp>

#include "common/async/task_group.hpp"
#include "common/net/address.hpp"
#include "common/net/sockets.hpp"
#include "common/net/stream.hpp"
#include "common/net/unique_fd.hpp"
#include "common/time/time_source.hpp"

namespace activator {

// What the new one has got. The running one goes on as before if this goes away unconfirmed.
struct HandedOver {
    common::UniqueFd predecessor;  // the connection to it
    common::UniqueFd handover;     // the Unix socket itself, listening
    // Ports that it listens on, under the addresses that it was told; empty: ours is another one.
    common::UniqueFd listen;
    common::UniqueFd admin;
    std::vector<std::string> cookie_keys;  // never empty
};

struct HandoverClaim {
    std::optional<HandedOver> got;  // empty without a problem: nobody runs there
    std::string problem;
};
// Asks whoever listens on the Unix socket `path`. Waits, for 15 s at most: call it before there is
// an event loop to hold up.
HandoverClaim claim_handover(const std::string& path, const common::Address& listen,
                             const common::Address& admin);
// Tells the running one that we are ready. Returns "" once it has let go, or what is wrong. Waits
// like claim_handover().
std::string confirm(const HandedOver& got);

// The one that we took over from, which may still be at work.
class Predecessor {
  public:
    // `tasks` outlives it; close() it and let the tasks end before it goes away.
    explicit Predecessor(common::TaskGroup& tasks) : tasks_(tasks) {}

    // `connection`: HandedOver::predecessor, confirmed. `on_gone` comes once, from the event loop,
    // when that process has ended, in whatever way. Not after close(). Returns "" or what is wrong.
    std::string wait(common::UniqueFd connection, std::function<void()> on_gone);
    void close();

  private:
    common::awaitable<void> read_to_end();

    common::TaskGroup& tasks_;
    std::unique_ptr<common::Stream> connection_;
    std::function<void()> on_gone_;
};

// The running one's side.
class HandoverOffer {
  public:
    struct Offer {
        common::Address listen;  // as the command line had them
        common::Address admin;
        int listen_socket = -1;
        int admin_socket = -1;
        std::vector<std::string> cookie_keys;
    };
    struct Steps {
        std::function<Offer()> describe;
        std::function<void()> on_taken;  // the successor serves; called once
    };
    // All outlive it.
    HandoverOffer(common::TaskGroup& tasks, common::TimeSource& time, Steps steps);

    // Listens on the Unix socket `path`, which only this user may connect to. A socket that nobody
    // listens on any more is replaced. Returns "" or what is wrong.
    std::string open(const std::string& path);
    // Instead: the socket of our predecessor, which stays its own until start(). As open().
    std::string adopt(const std::string& path, common::UniqueFd socket);
    void start();
    // We have ended: offers nothing more, and a successor is told so. The Unix socket goes away
    // unless a successor has it.
    void close();

  private:
    using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::local::stream_protocol,
                                                        common::LoopExecutor>;

    common::awaitable<void> serve();
    common::awaitable<bool> hand_over(common::UnixSocket socket);
    void stop_offering();

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    Steps steps_;
    Acceptor acceptor_;
    std::string path_;
    common::Stream* claimant_ = nullptr;
    std::unique_ptr<common::Stream> successor_;
    bool ours_ = false;  // not our predecessor's any more, and not our successor's yet
};

}  // namespace activator
