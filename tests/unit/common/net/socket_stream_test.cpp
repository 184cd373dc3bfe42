// Reads of real sockets: the kernel tells of a change once, so nothing that it told may be missed.
#include "common/net/socket_stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <catch2/catch.hpp>

#include "tests/support/server_fixture.hpp"

namespace common {
namespace {

// A stream, its reads, and the raw descriptor of its other end.
struct Reader {
    explicit Reader(boost::asio::io_context& io) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        UnixSocket socket(io);
        socket.assign(boost::asio::local::stream_protocol(), ends[0]);
        stream = make_stream(std::move(socket));
        far = ends[1];
    }
    ~Reader() { close_far(); }
    void read(std::size_t bytes) {
        pending = true;
        stream->async_read_some({buffer.data(), bytes}, [this](error_code ec, std::size_t n) {
            pending = false;
            last = ec;
            got.append(buffer.data(), n);
            if (then) then();
        });
    }
    void send(std::string_view bytes) const {
        REQUIRE(::send(far, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    void close_far() {
        if (far >= 0) ::close(far);
        far = -1;
    }

    std::unique_ptr<Stream> stream;
    int far = -1;
    std::array<char, 64> buffer{};
    bool pending = false;
    error_code last;
    std::string got;
    std::function<void()> then;
};

TEST_CASE("socket stream: bytes and the end that came with them are both read", "[common][net]") {
    ShellFixture f;
    Reader r(f.io);
    const bool half = GENERATE(false, true);
    const bool read_first = GENERATE(false, true);
    if (read_first) r.read(64);
    r.send("last words");
    half ? void(::shutdown(r.far, SHUT_WR)) : r.close_far();
    if (!read_first) r.read(64);
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    CHECK(r.got == "last words");
    r.read(64);
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    CHECK(r.last == boost::asio::error::eof);
}

TEST_CASE("socket stream: what comes after a short read is read", "[common][net]") {
    ShellFixture f;
    Reader r(f.io);
    r.read(64);
    r.send("one");
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    SECTION("bytes while nobody reads") {
        r.send(" two");
        f.time.settle();
        r.read(64);
    }
    SECTION("bytes while somebody waits") {
        r.read(64);
        f.time.settle();
        CHECK(r.pending);
        r.send(" two");
    }
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    CHECK(r.got == "one two");
    r.read(64);
    f.time.settle();
    CHECK(r.pending);
    r.close_far();
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    CHECK(r.last == boost::asio::error::eof);
}

TEST_CASE("socket stream: more than one read takes needs no second event", "[common][net]") {
    ShellFixture f;
    Reader r(f.io);
    r.send("0123456789");
    for (int i = 0; i < 3; ++i) {
        r.read(4);
        REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    }
    CHECK(r.got == "0123456789");
}

TEST_CASE("socket stream: a cancelled read takes nothing", "[common][net]") {
    ShellFixture f;
    Reader r(f.io);
    r.read(64);
    f.time.settle();
    r.stream->cancel();
    CHECK(r.pending);  // never from inside cancel()
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    CHECK(r.last == boost::asio::error::operation_aborted);
    // Nothing is waited for now, so the event loop ends by itself.
    f.io.restart();
    f.io.run();
    r.send("kept");
    r.read(64);
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    CHECK(r.got == "kept");
}

TEST_CASE("socket stream: operations of a closed one fail", "[common][net]") {
    ShellFixture f;
    Reader r(f.io);
    r.read(64);
    f.time.settle();
    r.stream->close();
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    CHECK(r.last == boost::asio::error::operation_aborted);
    r.read(64);
    REQUIRE(run_until(f.io, [&] { return !r.pending; }));
    CHECK(r.last);
    CHECK(r.stream->native_handle() == -1);
    CHECK(r.stream->write_now({}).ec);
}

TEST_CASE("socket stream: one handler may end other streams of the same turn", "[common][net]") {
    ShellFixture f;
    std::vector<std::unique_ptr<Reader>> readers;
    int served = 0;
    for (int i = 0; i < 3; ++i) {
        readers.push_back(std::make_unique<Reader>(f.io));
        readers.back()->read(64);
        readers.back()->then = [&] {
            ++served;
            for (const auto& other : readers)
                other->stream->close();
        };
    }
    f.time.settle();
    for (const auto& one : readers)
        one->send("x");
    REQUIRE(run_until(f.io, [&] { return served == 3; }));
    std::string all;
    for (const auto& one : readers)
        all += one->got;
    CHECK(all == "xxx");  // all had read before the first was called
    for (const auto& one : readers)
        one->read(64);
    REQUIRE(run_until(f.io, [&] { return served == 6; }));
    CHECK(readers[0]->last == boost::asio::error::bad_descriptor);
}

TEST_CASE("socket stream: the event loop knows an idle one whose peer left", "[common][net]") {
    ShellFixture f;
    Reader idle(f.io);
    Reader other(f.io);  // somebody waits, so events are collected
    other.read(64);
    idle.read(64);
    idle.send("answer");
    REQUIRE(run_until(f.io, [&] { return !idle.pending; }));
    CHECK_FALSE(idle.stream->may_be_readable());
    idle.close_far();
    CHECK(idle.stream->readable_now());
    CHECK(run_until(f.io, [&] { return idle.stream->may_be_readable(); }));
    other.stream->close();
    CHECK(run_until(f.io, [&] { return !other.pending; }));
}

}  // namespace
}  // namespace common
