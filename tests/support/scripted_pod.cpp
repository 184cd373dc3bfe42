#include "tests/support/scripted_pod.hpp"

#include <utility>

#include <boost/asio/write.hpp>

namespace common {

namespace asio = boost::asio;
using asio::ip::tcp;

ScriptedPod::ScriptedPod(asio::io_context& io)
    : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    address_.host = "127.0.0.1";
    address_.port = acceptor_.local_endpoint().port();
    accept();
}

ScriptedPod::~ScriptedPod() {
    stop_listening();
    for (const auto& connection : connections_)
        connection->close();
}

Address ScriptedPod::address() const {
    return address_;
}

void ScriptedPod::stop_listening() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

std::string ScriptedPod::got() const {
    std::string all;
    for (const auto& connection : connections_)
        all += connection->got;
    return all;
}

void ScriptedPod::accept() {
    acceptor_.async_accept([this](boost::system::error_code ec, tcp::socket socket) {
        if (ec) return;  // the end of this object as a rule: not to be touched
        socket.set_option(tcp::no_delay(true));
        connections_.push_back(std::make_shared<Connection>(std::move(socket)));
        read(connections_.back());
        accept();
    });
}

void ScriptedPod::read(std::shared_ptr<Connection> connection) {
    Connection& c = *connection;
    c.buffer.resize(65536);
    c.socket.async_read_some(
        asio::buffer(c.buffer),
        [connection = std::move(connection)](boost::system::error_code ec, std::size_t n) {
            connection->got.append(connection->buffer, 0, n);
            connection->ended = connection->ended || ec.failed();
            if (!ec) read(connection);
        });
}

void ScriptedPod::Connection::say(std::string_view bytes) {
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(bytes.data(), bytes.size()), ignored);
}

void ScriptedPod::Connection::close() {
    boost::system::error_code ignored;
    socket.close(ignored);
}

void ScriptedPod::Connection::reset() {
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

}  // namespace common
