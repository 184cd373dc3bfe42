// Beast's WebSocket, blocking, in a file of its own because it is slow to compile.
#include "tests/sd_standin/websocket_echo.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

namespace standin {

void echo_websocket(int descriptor, const std::string& read_already) {
    namespace asio = boost::asio;
    asio::io_context io(1);  // never run: all operations block
    boost::beast::websocket::stream<asio::ip::tcp::socket> socket(io);
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    boost::system::error_code error;
    const auto protocol = address.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
    static_cast<void>(socket.next_layer().assign(protocol, descriptor, error));
    if (error) {
        close(descriptor);
        return;
    }
    socket.accept(asio::buffer(read_already), error);
    boost::beast::flat_buffer message;
    while (!error) {
        message.clear();
        socket.read(message, error);
        if (error) break;
        socket.text(socket.got_text());
        socket.write(message.data(), error);
    }
}

}  // namespace standin
