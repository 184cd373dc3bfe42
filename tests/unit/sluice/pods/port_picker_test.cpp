#include "sluice/pods/port_picker.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "common/net/unique_fd.hpp"
#include "sluice/pods/process_tree.hpp"

using sluice::PortPicker;

namespace {

std::uint32_t seed() {
    return static_cast<std::uint32_t>(::getpid());
}

// A socket that listens on `port` of `address`.
common::UniqueFd listen_on(in_addr_t address, std::uint16_t port) {
    common::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in full{};
    full.sin_family = AF_INET;
    full.sin_addr.s_addr = htonl(address);
    full.sin_port = htons(port);
    const bool bound =
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&full), sizeof full) == 0;
    REQUIRE(bound);
    REQUIRE(::listen(socket.get(), 1) == 0);
    return socket;
}

}  // namespace

TEST_CASE("port picker: gives different ports outside the ephemeral range", "[sluice][pods]") {
    PortPicker picker(seed());
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 50; ++i) {
        const std::uint16_t port = picker.take();
        CHECK(sluice::port_is_free(port));
        ports.insert(port);
        picker.release(port);  // still not given again at once
    }
    CHECK(ports.size() == 50);
}

TEST_CASE("port picker: skips a port that someone listens on, at any address", "[sluice][pods]") {
    const std::uint16_t port = PortPicker(16000, 16999, seed()).take();
    for (const in_addr_t address : {INADDR_LOOPBACK, INADDR_ANY}) {
        const auto socket = listen_on(address, port);
        CHECK_FALSE(sluice::port_is_free(port));
        CHECK(PortPicker(port, port, 0).take() == 0);
    }
    CHECK(PortPicker(port, port, 0).take() == port);
}

TEST_CASE("port picker: a held port is not given until it is released", "[sluice][pods]") {
    const std::uint16_t port = PortPicker(16000, 16999, seed()).take();
    PortPicker picker(port, port, 7);
    CHECK(picker.take() == port);
    CHECK(picker.take() == 0);
    picker.release(port);
    CHECK(picker.take() == port);
}

TEST_CASE("process tree: finds the listeners of a process, and nobody else's", "[sluice][pods]") {
    const std::uint16_t port = PortPicker(16000, 16999, seed()).take();
    const auto socket = listen_on(INADDR_LOOPBACK, port);
    CHECK(sluice::listening_ports().contains(port));
    CHECK(sluice::listening_ports_of({::getpid()}, {port}) == std::set<std::uint16_t>{port});
    CHECK(sluice::listening_ports_of({::getppid()}, {port}).empty());
    CHECK(sluice::listening_ports_of({::getpid()}, {}).empty());
}
