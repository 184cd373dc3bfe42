#include "proxy/core/left_connection.hpp"

#include "common/core/tcp_table.hpp"

namespace proxy {

std::optional<std::uint16_t> left_connection(std::string_view line, std::uint16_t user_port) {
    const std::optional<common::TcpSocket> socket = common::parse_tcp_table_line(line);
    const bool is_left = socket && socket->state == common::TcpSocket::State::close_wait &&
                         socket->local.port == user_port &&
                         common::is_loopback_in_tcp_table(socket->remote.address);
    if (!is_left) return std::nullopt;
    return socket->remote.port;
}

}  // namespace proxy
