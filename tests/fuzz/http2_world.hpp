// An event loop over memory with a clock by hand, for the HTTP/2 targets.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "common/async/task_group.hpp"
#include "common/net/hangup_watch.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/manual_time.hpp"
#include "tests/support/memory_stream.hpp"

namespace fuzz {

// Longer than every deadline of a connection.
inline constexpr std::chrono::hours everything_is_over{1};

struct Http2World {
    boost::asio::io_context io{1};
    common::ManualTime time{io};
    common::TaskGroup tasks{io.get_executor()};
    common::HangupWatch hangups{io.get_executor()};
    common::MemoryLink link = common::make_memory_link(io.get_executor());

    // Sends what is left of the input, in pieces of a length that it says itself.
    void play(Input& input) {
        const std::size_t step = input.byte() % 64U + 1;
        std::string_view bytes = input.rest();
        while (!bytes.empty() && !link.peer->closed()) {
            const std::string_view piece = bytes.substr(0, step * step);
            bytes.remove_prefix(piece.size());
            link.peer->send(piece);
            time.settle();
            // The other side reads all that we say; nothing may pile up.
            HOLDS(link.peer->take().size() <= std::size_t{16} << 20);
        }
    }
};

}  // namespace fuzz
