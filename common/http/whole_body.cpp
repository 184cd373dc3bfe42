#include "common/http/whole_body.hpp"

namespace common {

awaitable<std::optional<std::string>> read_whole_body(Exchange& exchange, std::size_t bytes_max) {
    std::string body;
    while (!exchange.body_done()) {
        const BodyRead read = co_await exchange.read_body();
        if (read.ec || body.size() + read.piece.bytes > bytes_max) co_return std::nullopt;
        for (const std::string_view part : read.piece.parts)
            body.append(part);
    }
    co_return body;
}

}  // namespace common
