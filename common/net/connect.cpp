#include "common/net/connect.hpp"

#include <utility>

#include <boost/asio/error.hpp>

#include "common/log/log.hpp"
#include "common/net/resolver.hpp"
#include "common/net/tls_stream.hpp"

namespace common {

awaitable<DialResult> secure(TimeSource& time, std::unique_ptr<Stream> stream, TlsUse use,
                             Duration timeout) {
    DialResult result;
    auto secured = std::make_unique<TlsStream>(std::move(stream), std::move(use.context),
                                               std::move(use.server));
    result.ec = co_await secured->handshake(time, timeout);
    if (!result.ec) result.stream = std::move(secured);
    co_return result;
}

awaitable<DialResult> connect(TimeSource& time, ConnectTarget target, Duration timeout) {
    DialResult result;
    const Instant deadline = time.now() + timeout;
    const ResolveResult resolved = co_await resolve(target.host.host, target.host.port);
    result.ec = resolved.ec;
    for (const Address& address : resolved.addresses) {
        const Duration left = deadline - time.now();
        if (left <= Duration::zero()) {
            result.ec = boost::asio::error::timed_out;
            co_return result;
        }
        result = co_await dial(time, address, left);
        if (result.ec) continue;
        if (!target.tls) co_return result;
        std::unique_ptr<Stream> plain = std::move(result.stream);
        result = co_await secure(time, std::move(plain), *target.tls, deadline - time.now());
        co_return result;
    }
    co_return result;
}

awaitable<DialResult> dial_backend(TimeSource& time, Address address, const Secure& how,
                                   Duration timeout) {
    DialResult dialled = co_await dial(time, address, timeout);
    std::optional<TlsUse> use;
    if (!dialled.ec && how) use = how(address);
    if (!use) co_return dialled;
    std::unique_ptr<Stream> plain = std::move(dialled.stream);
    dialled = co_await secure(time, std::move(plain), *use, timeout);
    // Whoever is on the other side is not whom we want: nothing that a retry would mend.
    if (dialled.ec)
        log_warning("tls_failed", "no TLS connection to the backend",
                    {{"address", to_string(address)},
                     {"name", use->server.name},
                     {"also", use->server.also},
                     {"reason", dialled.ec.message()}});
    co_return dialled;
}

}  // namespace common
