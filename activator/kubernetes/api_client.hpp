// Requests to the Kubernetes API server: one connection each, TLS and bearer token as ApiAccess
// says. Knative's activator only reads; without Knative ours writes, too (standalone/).
#pragma once

#include <memory>
#include <string>

#include "activator/kubernetes/api_access.hpp"
#include "common/forward/backend_connection.hpp"
#include "common/net/tls_config.hpp"
#include "common/time/time_source.hpp"

namespace activator::kubernetes {

class ApiClient {
  public:
    // `time` outlives it.
    ApiClient(common::TimeSource& time, ApiAccess access);

    struct Opened {
        std::string problem;  // one line; empty: `connection` has answered with `status`
        int status = 0;
        std::unique_ptr<common::BackendConnection> connection;
    };
    // Sends the request and reads the answer's head; the body is the caller's.
    common::awaitable<Opened> open(std::string target);

    struct Answer {
        std::string problem;
        int status = 0;
        std::string body;
    };
    // The whole answer, within 30 s and 64 MiB.
    common::awaitable<Answer> get(std::string target);

    struct Request {
        std::string method = "GET";
        std::string target;
        std::string content_type = "application/json";
        std::string body;  // JSON; empty: none is sent
    };
    common::awaitable<Answer> call(Request request);

  private:
    common::RequestHead head_of(const Request& request) const;
    common::awaitable<Opened> send(Request request);
    common::awaitable<Answer> read_all(Opened opened);
    // The client's side of TLS; null and a line in `problem` if there is none to be had.
    std::shared_ptr<const common::TlsContext> tls_context(std::string& problem);

    common::TimeSource& time_;
    ApiAccess access_;
    std::string ca_;  // what context_ was made of
    std::shared_ptr<const common::TlsContext> context_;
};

// What is wrong with the answer, in one line that begins with `what` was asked for; "" for 2xx.
std::string problem_of(const std::string& what, const ApiClient::Answer& answer);

// "labelSelector=a%3Db": for query values.
std::string percent_encoded(std::string_view text);

}  // namespace activator::kubernetes
