// A slot stream's connection: opened, silent, blocked, closed; what is said on it is slot_claim's.
#include "proxy/slot_streams.hpp"

#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/server_fixture.hpp"

using namespace std::chrono_literals;
using proxy::AdmissionLimits;
using proxy::Gate;
using proxy::Lane;
using proxy::SlotStreams;
using proxy::Ticket;
using proxy::Verdict;
using proxy::WhenFull;

namespace {

class Fixture : public common::ServerFixture {
  public:
    Fixture() : ServerFixture([this](common::Exchange& client) { return streams.serve(client); }) {}

    std::shared_ptr<common::MemoryPeer> open_stream() {
        const auto peer = connect();
        const std::string head = exchange(*peer, common::get("/",
                                                             "Connection: Upgrade\r\n"
                                                             "Upgrade: sluice-slots\r\n"));
        CHECK(head ==
              "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
              "Upgrade: sluice-slots\r\nSluice-Slots: " +
                  std::to_string(++opened) + "\r\n\r\n");
        return peer;
    }
    Verdict attempt(Ticket& ticket, std::uint64_t stream = 0) {
        return gate.arrive(ticket, Lane::app, WhenFull::refuse, proxy::ActivatorId{stream});
    }

    Gate gate{time, AdmissionLimits::of_container_concurrency(1)};
    SlotStreams streams{gate, tasks, time};
    int opened = 0;
    Ticket first{io.get_executor()};
    Ticket second{io.get_executor()};
};

}  // namespace

TEST_CASE("slot streams: a want, a grant, and the request that uses it", "[proxy]") {
    Fixture f;
    f.attempt(f.first);
    const auto peer = f.open_stream();
    CHECK(f.exchange(*peer, "want 1 10\n") == "");
    CHECK(f.gate.counts().reserved == 1);
    f.gate.release(f.first);
    f.time.settle();
    CHECK(peer->take() == "grant 1\n");
    CHECK(f.attempt(f.second, 1) == Verdict::admitted);
    f.gate.release(f.second);
    peer->end();
    f.time.settle();
    CHECK(f.streams.size() == 0);
}

TEST_CASE("slot streams: words may come in pieces, and many at once", "[proxy]") {
    Fixture f;
    const auto peer = f.open_stream();
    peer->split_reads(3);
    CHECK(f.exchange(*peer, "want 1 10\nnone 1\nwant 2 20\n") == "grant 1\ngrant 2\n");
    peer->end();
    f.time.settle();
}

TEST_CASE("slot streams: garbage closes the connection and frees what was granted", "[proxy]") {
    Fixture f;
    const auto peer = f.open_stream();
    CHECK(f.exchange(*peer, "want 1 10\n") == "grant 1\n");
    CHECK(f.gate.counts().granted == 1);
    f.exchange(*peer, "want 2 10\nfoo\n");
    CHECK(peer->closed());
    CHECK(f.gate.counts().reserved == 0);
    CHECK(f.gate.counts().granted == 0);
}

TEST_CASE("slot streams: one that is silent for ten seconds is closed", "[proxy]") {
    Fixture f;
    f.attempt(f.first);
    const auto peer = f.open_stream();
    peer->send("want 1 0\n");
    f.time.advance(2s);
    peer->send("want 1 2000000\n");
    f.time.advance(3s - 1ms);
    CHECK(peer->take() == "");
    f.time.advance(1ms);
    CHECK(peer->take() == "lapse 1\n");
    f.time.advance(7s - 1ms);
    CHECK_FALSE(peer->closed());
    f.time.advance(1ms);
    CHECK(peer->closed());
    f.gate.release(f.first);
}

TEST_CASE("slot streams: the end of the process ends them, one that is blocked too", "[proxy]") {
    Fixture f;
    const auto peer = f.open_stream();
    const auto blocked = f.open_stream();
    blocked->set_window(0);
    f.exchange(*blocked, "want 1 0\n");
    CHECK(f.gate.counts().granted == 1);
    f.streams.close();
    f.time.settle();
    CHECK(peer->closed());
    CHECK(blocked->closed());
    CHECK(f.streams.size() == 0);
    CHECK(f.gate.counts().granted == 0);
    const auto late = f.connect();
    CHECK(f.exchange(*late, common::get()).starts_with("HTTP/1.1 503 "));
    late->end();
    f.time.settle();
}

TEST_CASE("slot streams: a peer that takes in nothing is cut off", "[proxy]") {
    Fixture f;
    const auto peer = f.open_stream();
    peer->set_window(0);
    for (int i = 1; i <= 1000 && !peer->closed(); ++i) {
        peer->send("want " + std::to_string(i) + " 0\nnone " + std::to_string(i) + "\n");
        f.time.settle();
    }
    CHECK(peer->closed());
    CHECK(f.streams.size() == 0);
}

TEST_CASE("slot streams: so many at once, and one more when one has ended", "[proxy]") {
    Fixture f;
    std::vector<std::shared_ptr<common::MemoryPeer>> peers;
    for (std::size_t i = 0; i < SlotStreams::streams_max; ++i)
        peers.push_back(f.open_stream());
    CHECK(f.streams.size() == SlotStreams::streams_max);
    const auto refused = f.connect();
    const std::string ask = common::get("/", "Connection: Upgrade\r\nUpgrade: sluice-slots\r\n");
    CHECK(f.exchange(*refused, ask).starts_with("HTTP/1.1 503 "));
    CHECK(f.streams.size() == SlotStreams::streams_max);
    peers.back()->end();
    f.time.settle();
    peers.back() = f.open_stream();
    CHECK(f.streams.size() == SlotStreams::streams_max);
    refused->end();
    for (const auto& peer : peers)
        peer->end();
    f.time.settle();
    CHECK(f.streams.size() == 0);
}
