#include "activator/handover.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <nlohmann/json.hpp>

#include "common/async/awaitable.hpp"
#include "common/async/sleep.hpp"
#include "common/async/watchdog.hpp"
#include "common/crypto/hmac.hpp"
#include "common/log/log.hpp"
#include "common/net/socket_passing.hpp"
#include "common/net/socket_stream.hpp"

namespace activator {
namespace {

namespace asio = boost::asio;
using common::UniqueFd;
using nlohmann::json;

constexpr int version = 1;
constexpr int queue = 8;
// A successor reads its files between connecting and being ready; one that takes longer is not
// waited for. It waits longer than that, so that it learns of it.
constexpr common::Duration ready_max = std::chrono::seconds(10);
constexpr time_t claim_seconds_max = 15;
constexpr common::Duration accept_pause = std::chrono::seconds(1);
constexpr std::string_view ready = "ready\n";
constexpr std::string_view yours = "yours\n";
constexpr mode_t only_us = 0177;  // what umask takes away

std::string last_error() {
    return std::strerror(errno);
}

std::optional<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

UniqueFd new_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

template <class Call>
int with(const sockaddr_un& address, Call call, int socket) {
    return call(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// Only this user, and root: whoever gets these sockets is the server from then on.
bool is_us(int connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    return peer.uid == ::geteuid() || peer.uid == 0;
}

json as_json(const HandoverOffer::Offer& offer) {
    json keys = json::array();
    for (const std::string& key : offer.cookie_keys)
        keys.push_back(common::base64url_encode(key));
    return {{"version", version},
            {"listen", common::to_string(offer.listen)},
            {"admin", common::to_string(offer.admin)},
            {"cookie_keys", std::move(keys)}};
}

// The sockets come in this order: the Unix socket, clients' port, admin port.
std::string read_offer(common::PassedSockets passed, const common::Address& listen,
                       const common::Address& admin, HandedOver& got) {
    const json offer = json::parse(passed.line, nullptr, false);
    const bool good = offer.is_object() && offer.value("version", json()).is_number() &&
                      passed.sockets.size() == 3;
    if (!good) return "what listens there does not hand over";
    if (offer["version"] != version)
        return "what runs there hands over in version " + offer["version"].dump() +
               " of this protocol, not " + std::to_string(version);
    const json keys = offer.value("cookie_keys", json::array());
    for (const json& key : keys) {
        if (!key.is_string()) continue;
        auto bytes = common::base64url_decode(key.get<std::string>());
        if (bytes) got.cookie_keys.push_back(std::move(*bytes));
    }
    if (got.cookie_keys.empty()) return "what runs there hands over no session key";
    got.handover = std::move(passed.sockets[0]);
    if (offer.value("listen", json()) == common::to_string(listen))
        got.listen = std::move(passed.sockets[1]);
    if (offer.value("admin", json()) == common::to_string(admin))
        got.admin = std::move(passed.sockets[2]);
    return {};
}

}  // namespace

HandoverClaim claim_handover(const std::string& path, const common::Address& listen,
                             const common::Address& admin) {
    HandoverClaim claim;
    const std::optional<sockaddr_un> address = address_of(path);
    if (!address) {
        claim.problem = "is not the path of a Unix socket (1 to 107 characters)";
        return claim;
    }
    HandedOver got;
    got.predecessor = new_socket();
    const timeval limit{claim_seconds_max, 0};
    ::setsockopt(got.predecessor.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (with(*address, ::connect, got.predecessor.get()) != 0) {
        const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        if (!nobody) claim.problem = last_error();
        return claim;
    }
    std::optional<common::PassedSockets> passed =
        common::receive_with_sockets(got.predecessor.get());
    if (!passed) {
        claim.problem = "what listens there hands nothing over";
        return claim;
    }
    claim.problem = read_offer(std::move(*passed), listen, admin, got);
    if (claim.problem.empty()) claim.got = std::move(got);
    return claim;
}

std::string confirm(const HandedOver& got) {
    const int connection = got.predecessor.get();
    const ssize_t sent = ::send(connection, ready.data(), ready.size(), MSG_NOSIGNAL);
    std::array<char, yours.size()> answer{};
    ssize_t n = 0;
    if (sent == static_cast<ssize_t>(ready.size()))
        n = ::recv(connection, answer.data(), answer.size(), MSG_WAITALL);
    const bool told =
        std::string_view(answer.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))) == yours;
    return told ? "" : "the running one did not let go";
}

std::string Predecessor::wait(UniqueFd connection, std::function<void()> on_gone) {
    common::UnixSocket socket(tasks_.executor());
    common::error_code ec;
    socket.assign(asio::local::stream_protocol(), connection.get(), ec);
    if (ec) return ec.message();
    connection.release();
    connection_ = common::make_stream(std::move(socket));
    on_gone_ = std::move(on_gone);
    tasks_.spawn("predecessor", read_to_end());
    return {};
}

void Predecessor::close() {
    on_gone_ = nullptr;
    if (connection_) connection_->close();
}

common::awaitable<void> Predecessor::read_to_end() {
    std::array<char, 64> nothing_more{};
    common::IoResult read;
    while (!read.ec)
        read = co_await common::read_some(*connection_, asio::buffer(nothing_more));
    if (on_gone_) std::exchange(on_gone_, nullptr)();
}

// --- The running one's side.

HandoverOffer::HandoverOffer(common::TaskGroup& tasks, common::TimeSource& time, Steps steps)
    : tasks_(tasks),
      time_(time),
      steps_(std::move(steps)),
      acceptor_(common::loop_executor(tasks.executor())) {}

std::string HandoverOffer::open(const std::string& path) {
    const std::optional<sockaddr_un> address = address_of(path);
    UniqueFd socket = new_socket();
    if (!address || !socket) return path + ": " + last_error();
    // claim_handover() found that nobody listens there.
    struct stat found{};
    if (::lstat(path.c_str(), &found) == 0) {
        if (!S_ISSOCK(found.st_mode)) return path + ": exists and is no socket";
        ::unlink(path.c_str());
    }
    const mode_t before = ::umask(only_us);
    const int bound = with(*address, ::bind, socket.get());
    ::umask(before);
    if (bound != 0 || ::listen(socket.get(), queue) != 0) return path + ": " + last_error();
    ours_ = true;
    return adopt(path, std::move(socket));
}

std::string HandoverOffer::adopt(const std::string& path, UniqueFd socket) {
    common::error_code ec;
    acceptor_.assign(asio::local::stream_protocol(), socket.get(), ec);
    if (ec) return path + ": " + ec.message();
    socket.release();
    path_ = path;
    return {};
}

void HandoverOffer::start() {
    ours_ = true;
    tasks_.spawn("handover", serve());
}

void HandoverOffer::close() {
    stop_offering();
    if (successor_) successor_->close();
}

void HandoverOffer::stop_offering() {
    if (acceptor_.is_open()) {
        // Not close(): see Listener::close().
        common::error_code ignored;
        const UniqueFd last(acceptor_.release(ignored));
        if (ours_) ::unlink(path_.c_str());
    }
    if (claimant_ != nullptr) claimant_->close();
}

common::awaitable<void> HandoverOffer::serve() {
    constexpr auto token = asio::as_tuple(common::use_awaitable);
    while (acceptor_.is_open()) {
        auto [ec, socket] = co_await acceptor_.async_accept(token);
        if (!acceptor_.is_open()) co_return;
        if (ec) {
            co_await common::sleep_for(time_, accept_pause);
            continue;
        }
        const bool taken = co_await hand_over(std::move(socket));
        if (!taken) continue;
        ours_ = false;
        stop_offering();
        steps_.on_taken();
    }
}

// One who asks; true if it is our successor now.
common::awaitable<bool> HandoverOffer::hand_over(common::UnixSocket socket) {
    if (!is_us(socket.native_handle())) co_return false;
    const Offer offer = steps_.describe();
    const std::array sockets{acceptor_.native_handle(), offer.listen_socket, offer.admin_socket};
    if (!common::send_with_sockets(socket.native_handle(), as_json(offer).dump(), sockets))
        co_return false;
    std::unique_ptr<common::Stream> stream = common::make_stream(std::move(socket));
    claimant_ = stream.get();
    common::Watchdog watchdog(time_, [&stream] { stream->close(); });
    watchdog.set(time_.now() + ready_max);
    std::array<char, ready.size()> buffer{};
    std::size_t got = 0;
    while (got < buffer.size()) {
        const auto rest = asio::buffer(buffer) + got;
        const common::IoResult read = co_await common::read_some(*stream, rest);
        if (read.ec) break;
        got += read.n;
    }
    claimant_ = nullptr;
    watchdog.clear();
    if (!acceptor_.is_open()) co_return false;  // we end meanwhile
    if (std::string_view(buffer.data(), got) != ready) {
        common::log_warning("handover", "somebody asked for our sockets and was not ready in time",
                            {});
        co_return false;
    }
    const asio::const_buffer answer(yours.data(), yours.size());
    if (stream->write_now({&answer, 1}).n != yours.size()) co_return false;
    successor_ = std::move(stream);
    co_return true;
}

}  // namespace activator
