// Calls to a Docker Engine's HTTP API on its Unix socket. One connection per call: calls are few,
// and some of them stay open as long as a container runs.
//
// Paths carry no API version, which means the engine's own: we use only what has been the same
// since API 1.40 (19.03, device requests).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>

namespace sluice {

struct DockerRequest {
    std::string method;
    std::string target;  // "/containers/json?all=1"
    std::string body;    // JSON, or empty
};

struct DockerReply {
    int status = 0;    // 0: there was no reply, `error` says why
    std::string body;  // empty when the bytes were streamed
    std::string error;

    bool good() const { return status >= 200 && status < 300; }
    // Why it is not good: the engine's own message where it gave one.
    std::string reason() const;
};

// A call under way; destroying it ends it without a reply.
class DockerCall {
  public:
    using OnReply = std::function<void(DockerReply)>;
    using OnBytes = std::function<void(std::string_view)>;

    ~DockerCall();
    DockerCall(const DockerCall&) = delete;
    DockerCall& operator=(const DockerCall&) = delete;

    struct State;

  private:
    friend class DockerClient;
    explicit DockerCall(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

class DockerClient {
  public:
    // `socket`: the path of the engine's socket.
    DockerClient(boost::asio::any_io_executor executor, std::string socket);

    // `on_reply` runs once, from the event loop, and may destroy the call. With `on_bytes`, a good
    // reply's body goes there as it comes.
    std::unique_ptr<DockerCall> call(const DockerRequest& request, DockerCall::OnReply on_reply,
                                     DockerCall::OnBytes on_bytes = {}) const;

    const std::string& socket() const { return socket_; }

  private:
    boost::asio::any_io_executor executor_;
    std::string socket_;
};

// The same for start-up, the last second, and the guard: blocks, each step `seconds` at most.
DockerReply docker_call_and_wait(const std::string& socket, const DockerRequest& request,
                                 int seconds);

// The socket of DOCKER_HOST=unix://…, else the default. `error` for other kinds of DOCKER_HOST.
struct DockerSocket {
    std::string path;
    std::string error;
};
DockerSocket find_docker_socket(const char* docker_host);

// `text` as a part of a query ("%7B…").
std::string percent_encode(std::string_view text);

}  // namespace sluice
