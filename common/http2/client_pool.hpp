// HTTP/2 connections to backends: one for each address, shared by all its exchanges, and more when
// its peer allows no more streams. Requests that come while a connection is being made wait for it,
// and for the limit that the peer says at its beginning; the one that made it does not.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "common/http2/client_connection.hpp"
#include "common/net/address.hpp"
#include "common/net/connect.hpp"

namespace common {

class Http2ClientPool {
  public:
    struct Options {
        Duration idle_timeout;
        Duration connect_timeout;
        Http2Limits limits;
    };
    struct Connected {
        error_code ec;
        std::unique_ptr<BackendExchange> exchange;  // if !ec
    };

    // `time` outlives the pool.
    Http2ClientPool(TimeSource& time, const Options& options) : time_(time), options_(options) {}
    ~Http2ClientPool() { clear(); }

    void secure_with(Secure secure) { secure_ = std::move(secure); }
    // `fresh`: on a connection that nobody has used.
    awaitable<Connected> get(Address address, bool fresh);
    // Closes what has been idle for too long. False if there is nothing left to close later.
    bool sweep();
    // Begins nothing more on its connections; exchanges under way end in their time.
    void forget(const Address& address);
    void clear();

  private:
    using Connection = std::shared_ptr<Http2ClientConnection>;
    struct Waiter {
        explicit Waiter(const boost::asio::any_io_executor& executor) : woken(executor) {}
        Signal woken;
        error_code ec;
    };
    struct Backend {
        std::vector<Connection> connections;
        std::vector<Waiter*> waiters;
        bool dialling = false;
    };

    Connection find(const Address& address);
    bool is_undecided(const Address& address);
    awaitable<error_code> wait_for_others(Address address, Connection& found);
    awaitable<error_code> make(Address address, Connection& made);
    static void wake(Backend& backend, error_code ec);

    TimeSource& time_;
    Options options_;
    Secure secure_;
    std::map<Address, Backend> backends_;
};

}  // namespace common
