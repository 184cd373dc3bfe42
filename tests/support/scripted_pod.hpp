// A pod whose queue-proxy is the test itself: a loopback port that takes connections, shows what
// came, and says what the test tells it to.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "common/net/address.hpp"

namespace common {

class ScriptedPod {
  public:
    // One connection that came. Kept, with what it said, after its end.
    struct Connection {
        explicit Connection(boost::asio::ip::tcp::socket s) : socket(std::move(s)) {}
        // Goes out at once; the test's answers fit the socket's buffer.
        void say(std::string_view bytes);
        void close();
        // The other side sees a reset.
        void reset();

        boost::asio::ip::tcp::socket socket;
        std::string got;
        std::string buffer;
        bool ended = false;  // the other side has ended its sending
    };

    explicit ScriptedPod(boost::asio::io_context& io);
    ~ScriptedPod();

    Address address() const;
    // Refuses connections from now on; those that exist stay.
    void stop_listening();
    std::size_t count() const { return connections_.size(); }
    Connection& operator[](std::size_t index) { return *connections_.at(index); }
    // All that came, over all connections.
    std::string got() const;

  private:
    void accept();
    static void read(std::shared_ptr<Connection> connection);

    boost::asio::ip::tcp::acceptor acceptor_;
    Address address_;
    std::vector<std::shared_ptr<Connection>> connections_;
};

}  // namespace common
