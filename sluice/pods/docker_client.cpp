#include "sluice/pods/docker_client.hpp"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "common/http/message_parser.hpp"
#include "common/net/unique_fd.hpp"

namespace sluice {
namespace {

using boost::system::error_code;
using Socket = boost::asio::local::stream_protocol::socket;

constexpr std::string_view default_socket = "/var/run/docker.sock";
// No reply that we read whole is longer; a pull's progress may be, and only its end counts.
constexpr std::size_t kept_body_max = std::size_t{4} * 1024 * 1024;

std::string wire_text(const DockerRequest& request) {
    std::string text = request.method + " " + request.target +
                       " HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n";
    if (request.method == "POST") {
        text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
        if (!request.body.empty()) text += "Content-Type: application/json\r\n";
    }
    return text + "\r\n" + request.body;
}

// Bytes of the connection in, a reply out.
class ReplyReader {
  public:
    explicit ReplyReader(DockerCall::OnBytes on_bytes = {}) : on_bytes_(std::move(on_bytes)) {
        parser_.begin_response(head_, false);
    }
    // Returns true when the reply is complete.
    bool feed(std::string_view bytes);
    // The connection ended; `error` if it was not its regular end.
    DockerReply finish(const std::string& error);

  private:
    void keep(std::string_view part);

    DockerCall::OnBytes on_bytes_;
    common::ResponseHead head_;
    common::MessageParser parser_{common::ParserLimits{}};
    std::string unread_;
    std::string body_;
    bool bad_ = false;
};

void ReplyReader::keep(std::string_view part) {
    const bool good = head_.status >= 200 && head_.status < 300;
    if (on_bytes_ && good) return on_bytes_(part);
    body_.append(part);
    if (body_.size() > kept_body_max) body_.erase(0, body_.size() - kept_body_max / 2);
}

bool ReplyReader::feed(std::string_view bytes) {
    unread_.append(bytes);
    std::string_view rest = unread_;
    using Phase = common::MessageParser::Phase;
    while (!rest.empty() && parser_.phase() != Phase::done && !bad_) {
        const Phase before = parser_.phase();
        const auto step = parser_.parse(rest);
        bad_ = step.error != common::ParseError::none;
        for (const std::string_view part : step.body)
            keep(part);
        rest.remove_prefix(step.consumed);
        if (step.consumed == 0 && parser_.phase() == before) break;
    }
    unread_.erase(0, unread_.size() - rest.size());
    return bad_ || parser_.phase() == Phase::done;
}

DockerReply ReplyReader::finish(const std::string& error) {
    if (!error.empty()) return {0, {}, "the Docker Engine does not answer: " + error};
    if (bad_ || parser_.parse_end() != common::ParseError::none)
        return {0, {}, "the Docker Engine broke off its answer"};
    return {head_.status, std::move(body_), {}};
}

std::string cannot_reach(const std::string& socket, const std::string& why) {
    return "cannot reach the Docker Engine at " + socket + ": " + why;
}

}  // namespace

std::string DockerReply::reason() const {
    if (status == 0) return error;
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (json.is_object() && json.contains("message") && json["message"].is_string())
        return json["message"].get<std::string>();
    return "the Docker Engine answered " + std::to_string(status);
}

struct DockerCall::State {
    State(const boost::asio::any_io_executor& executor, OnReply its_on_reply, OnBytes on_bytes)
        : socket(executor), on_reply(std::move(its_on_reply)), reader(std::move(on_bytes)) {}

    static void read(const std::shared_ptr<State>& state);
    void finish(const std::string& error);

    Socket socket;
    OnReply on_reply;
    ReplyReader reader;
    std::string request;
    std::array<char, std::size_t{16} * 1024> bytes;
    bool open = true;
};

void DockerCall::State::read(const std::shared_ptr<State>& state) {
    state->socket.async_read_some(
        boost::asio::buffer(state->bytes), [state](error_code error, std::size_t size) {
            if (!state->open) return;
            const bool complete = state->reader.feed({state->bytes.data(), size});
            if (!state->open) return;  // on_bytes may have destroyed the call
            if (!error && !complete) return read(state);
            state->finish(error && error != boost::asio::error::eof ? error.message() : "");
        });
}

void DockerCall::State::finish(const std::string& error) {
    open = false;
    error_code ignored;
    socket.close(ignored);
    const OnReply told = std::move(on_reply);
    told(reader.finish(error));
}

DockerCall::DockerCall(std::shared_ptr<State> state) : state_(std::move(state)) {}

DockerCall::~DockerCall() {
    state_->open = false;
    error_code ignored;
    state_->socket.close(ignored);
}

DockerClient::DockerClient(boost::asio::any_io_executor executor, std::string socket)
    : executor_(std::move(executor)), socket_(std::move(socket)) {}

std::unique_ptr<DockerCall> DockerClient::call(const DockerRequest& request,
                                               DockerCall::OnReply on_reply,
                                               DockerCall::OnBytes on_bytes) const {
    auto state =
        std::make_shared<DockerCall::State>(executor_, std::move(on_reply), std::move(on_bytes));
    state->request = wire_text(request);
    const boost::asio::local::stream_protocol::endpoint engine(socket_);
    state->socket.async_connect(engine, [state, path = socket_](error_code error) {
        if (!state->open) return;
        if (error) return state->finish(cannot_reach(path, error.message()));
        boost::asio::async_write(state->socket, boost::asio::buffer(state->request),
                                 [state](error_code failed, std::size_t) {
                                     if (!state->open) return;
                                     if (failed) return state->finish(failed.message());
                                     DockerCall::State::read(state);
                                 });
    });
    return std::unique_ptr<DockerCall>(new DockerCall(std::move(state)));
}

DockerReply docker_call_and_wait(const std::string& socket, const DockerRequest& request,
                                 int seconds) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() >= sizeof address.sun_path)
        return {0, {}, cannot_reach(socket, "the path is too long")};
    ::memcpy(address.sun_path, socket.data(), socket.size());
    const common::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{seconds, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return {0, {}, cannot_reach(socket, ::strerror(errno))};
    const std::string text = wire_text(request);
    for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t size = ::send(fd.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return {0, {}, cannot_reach(socket, ::strerror(errno))};
        sent += static_cast<std::size_t>(size);
    }
    ReplyReader reader;
    std::array<char, 4096> bytes;
    for (bool complete = false; !complete;) {
        const ssize_t size = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return reader.finish(::strerror(errno));
        complete = size == 0 || reader.feed({bytes.data(), static_cast<std::size_t>(size)});
    }
    return reader.finish("");
}

DockerSocket find_docker_socket(const char* docker_host) {
    const std::string_view host = docker_host == nullptr ? "" : docker_host;
    if (host.empty()) return {std::string(default_socket), {}};
    constexpr std::string_view unix_scheme = "unix://";
    if (host.starts_with(unix_scheme) && host.size() > unix_scheme.size())
        return {std::string(host.substr(unix_scheme.size())), {}};
    return {{},
            "DOCKER_HOST=" + std::string(host) +
                ": only unix:// is supported, for containers must be reachable on loopback"};
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string encoded;
    for (const char c : text) {
        if (plain.find(c) != std::string_view::npos) {
            encoded += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += digits[byte >> 4];
        encoded += digits[byte & 15];
    }
    return encoded;
}

}  // namespace sluice
