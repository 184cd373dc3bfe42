#include "common/net/socket_passing.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/core/check.hpp"

namespace common {
namespace {

constexpr std::size_t control_bytes = CMSG_SPACE(passed_sockets_max * sizeof(int));

ssize_t receive(int connection, msghdr& message) {
    ssize_t n;
    do {
        n = ::recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    return n;
}

void take_sockets(msghdr& message, std::vector<UniqueFd>& into) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof descriptor);
            into.emplace_back(descriptor);
        }
    }
}

}  // namespace

bool send_with_sockets(int connection, std::string_view line, std::span<const int> sockets) {
    CHECK(line.size() < passed_line_max);
    CHECK(!sockets.empty() && sockets.size() <= passed_sockets_max);
    std::string text(line);
    text += '\n';
    iovec bytes{text.data(), text.size()};
    alignas(cmsghdr) std::array<char, control_bytes> control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sockets.size_bytes());
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sockets.size_bytes());
    std::memcpy(CMSG_DATA(part), sockets.data(), sockets.size_bytes());
    const ssize_t n = ::sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n == static_cast<ssize_t>(text.size());
}

std::optional<PassedSockets> receive_with_sockets(int connection) {
    PassedSockets passed;
    while (passed.line.size() <= passed_line_max) {
        std::array<char, 4096> buffer;
        iovec bytes{buffer.data(), buffer.size()};
        alignas(cmsghdr) std::array<char, control_bytes> control;
        msghdr message{};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t n = receive(connection, message);
        if (n <= 0) return std::nullopt;
        take_sockets(message, passed.sockets);
        if ((message.msg_flags & MSG_CTRUNC) != 0) return std::nullopt;
        passed.line.append(buffer.data(), static_cast<std::size_t>(n));
        if (passed.line.back() != '\n') continue;
        passed.line.pop_back();
        return passed;
    }
    return std::nullopt;
}

}  // namespace common
