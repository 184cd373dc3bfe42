// Server connections over memory streams, with a handler that the test chooses.
#pragma once

#include <memory>
#include <string>

#include "common/http/server_connection.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/shell_fixture.hpp"

namespace common {

class ServerFixture : public ShellFixture {
  public:
    explicit ServerFixture(ServerConnection::Handler handler);

    // A new client; its connection runs until one side closes it.
    std::shared_ptr<MemoryPeer> connect();
    // Sends and lets everything happen; returns what came back since the last call.
    std::string exchange(MemoryPeer& client, std::string_view bytes);

    ServerConnection::Context context;
    // The connection made last, while it lives.
    ServerConnection* connection = nullptr;
    std::size_t open = 0;

  private:
    static awaitable<void> serve(ServerFixture& self, std::unique_ptr<Stream> stream);
};

// Without its Date line.
std::string without_date(std::string message);
// "GET <target> HTTP/1.1" with a Host and `more` lines ("A: b\r\n").
std::string get(std::string_view target = "/", std::string_view more = "");

// Answers 200 with the target as its body, at once.
awaitable<void> answer_target(Exchange& exchange);
// Reads the whole body, answers 200 with it.
awaitable<void> answer_body(Exchange& exchange);

}  // namespace common
