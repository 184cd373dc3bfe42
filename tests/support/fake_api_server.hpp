// A Kubernetes API server in the test's own event loop, as far as our programs write to one: GET,
// POST, PUT with the version that stands there, merge patch and JSON patch, a Deployment's `scale`;
// and the ways in which it fails. Objects are kept by their path. Watches: tests/integration/
// kubernetes/fake_api.py.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/api_client.hpp"
#include "common/async/signal.hpp"
#include "common/http/http_server.hpp"
#include "tests/support/shell_fixture.hpp"

namespace activator {

class FakeApiServer {
  public:
    struct Call {
        std::string method;
        std::string target;
        std::string content_type;
        nlohmann::json body;  // null: none
    };

    // Everything outlives it.
    FakeApiServer(boost::asio::io_context& io, common::TimeSource& time,
                  common::HangupWatch& hangups);
    ~FakeApiServer();

    kubernetes::ApiAccess access() const;
    // Refuses connections, until come_back().
    void go_away();
    void come_back();
    // Takes requests and answers none, until speak_again() or it goes away.
    void fall_silent() { silent_ = true; }
    void speak_again();

    // --- What stands there, by path ("/api/v1/namespaces/a/pods/b").
    bool has(const std::string& path) const { return objects_.contains(path); }
    nlohmann::json& object(const std::string& path) { return objects_.at(path); }
    // Creates or replaces, with a new version.
    void put(const std::string& path, nlohmann::json object);
    void remove(const std::string& path) { objects_.erase(path); }

    // --- What was asked.
    std::vector<Call> calls;
    // Those that write, and begin so.
    std::vector<Call> writes(const std::string& target_begins = "") const;

    // Comes before the answer to each call; may change what stands there, or let it fall silent.
    std::function<void(const Call&)> before;
    // A status instead of an answer, by "METHOD /path"; until it is taken out.
    std::map<std::string, int> refused;

  private:
    struct Answer {
        int status = 200;
        nlohmann::json body;
    };
    common::awaitable<void> serve(common::Exchange& client);
    Answer answer(const Call& call);
    Answer create(const Call& call);
    Answer replace(const Call& call);
    Answer patch(const Call& call);
    void open(std::uint16_t port);
    void close();

    boost::asio::io_context& io_;
    common::TimeSource& time_;
    common::HangupWatch& hangups_;
    common::TaskGroup tasks_;
    std::unique_ptr<common::HttpServer> server_;
    std::uint16_t port_ = 0;
    std::map<std::string, nlohmann::json> objects_;
    int version_ = 100;
    bool silent_ = false;
    bool away_ = true;
    std::vector<std::unique_ptr<common::Signal>> unanswered_;
};

}  // namespace activator
