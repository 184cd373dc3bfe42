// A client and a backend, both played by the test, with a relay between them.
#pragma once

#include <memory>
#include <optional>

#include "common/forward/backend_connection.hpp"
#include "common/forward/relay.hpp"
#include "tests/support/server_fixture.hpp"

namespace common {

class RelayFixture : public ServerFixture {
  public:
    RelayFixture();

    // Sends `request` on a new client connection; `client` and `backend` are set afterwards.
    void start(std::string_view request);
    // What the backend got since the last call, when everything has come to rest.
    std::string backend_got();
    std::string client_got();
    void backend_says(std::string_view bytes);
    void client_says(std::string_view bytes);

    std::shared_ptr<MemoryPeer> client;
    std::shared_ptr<MemoryPeer> backend;
    // Set before start().
    Duration total = Duration::zero();  // zero: none
    Duration response_start = Duration::zero();
    Duration idle = Duration::zero();
    Relay::OnHead on_head;
    bool drain = false;  // after a departed client, read the response to its end
    std::size_t backend_window = MemoryPeer::unlimited;

    // Set when run() has returned.
    std::optional<RelayResult> result;
    bool reusable = false;
    bool drained = false;
    std::uint64_t bytes_sent = 0;

  private:
    static awaitable<void> serve(Exchange& exchange, RelayFixture& self);
    awaitable<void> finish(Exchange& exchange, BackendConnection& connection);
};

}  // namespace common
