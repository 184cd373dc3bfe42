// Connections to backends. HTTP/1.1: idle ones, and new ones when there is none; the last one used
// is the first reused: it is the least likely to have been closed by the other side, and the others
// may age out. HTTP/2: shared ones (http2/client_pool.hpp).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/forward/backend_exchange.hpp"
#include "common/http/message_parser.hpp"
#include "common/http2/client_pool.hpp"
#include "common/net/address.hpp"
#include "common/net/connect.hpp"
#include "common/net/tls_config.hpp"
#include "common/time/time_source.hpp"

namespace common {

class BackendPool {
  public:
    struct Options {
        std::size_t idle_max = 1000;                       // contract activator.md 1.1; 0: no limit
        std::size_t idle_per_address_max = 100;            // the same
        Duration idle_timeout = std::chrono::seconds(90);  // contract queue-proxy.md 3.10
        Duration connect_timeout = std::chrono::seconds(5);
        ParserLimits parser;
    };
    struct Connected {
        error_code ec;
        std::unique_ptr<BackendExchange> connection;  // if !ec
    };

    // `time` outlives the pool.
    BackendPool(TimeSource& time, Options options);
    ~BackendPool();

    void secure_with(Secure secure);
    // A live idle connection, if there is one. None for HTTP/2: there nobody owns a connection, and
    // get() finds the shared one.
    std::unique_ptr<BackendExchange> get_idle(const Address& address, Protocol protocol);
    // On a live connection, else on a new one. `fresh`: on a new one in any case.
    awaitable<Connected> get(Address address, bool fresh = false,
                             Protocol protocol = Protocol::http1);
    // Keeps the connection for reuse if it is fit for that, else closes it.
    void put(const Address& address, std::unique_ptr<BackendExchange> connection);
    // Closes idle connections to a backend that is gone.
    void forget(const Address& address);
    void clear();

  private:
    struct Idle {
        std::unique_ptr<BackendExchange> connection;
        Instant since;
    };
    awaitable<Connected> get_http2(Address address, bool fresh);
    void drop_oldest();
    void start_sweeping();
    void sweep();

    TimeSource& time_;
    Options options_;
    Secure secure_;
    std::map<Address, std::vector<Idle>> idle_;  // the longest idle first
    std::size_t idle_count_ = 0;                 // of all
    Http2ClientPool http2_;
    std::unique_ptr<Timer> sweeper_;
    bool sweeping_ = false;
};

}  // namespace common
