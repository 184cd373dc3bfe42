// serve_request between memory clients and scripted pods: the whole of the activator's request path
// on a clock that stands still. Pods are made ready by the test; nothing probes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "activator/route_table.hpp"
#include "activator/serve_request.hpp"
#include "tests/support/scripted_pod.hpp"
#include "tests/support/server_fixture.hpp"

namespace activator {

class ActivatorFixture : public common::ServerFixture {
  public:
    explicit ActivatorFixture(Revision first = plain_revision(), Limits bounds = {});
    ~ActivatorFixture();

    // "sd" in "default", one request at a time.
    static Revision plain_revision();
    RevisionId add_revision(Revision revision);

    // A pod that listens and is ready (unless told otherwise).
    struct PodEnd {
        explicit PodEnd(boost::asio::io_context& io) : script(io) {}
        common::ScriptedPod script;
        PodId id;
        // The connection made last.
        common::ScriptedPod::Connection& last() { return script[script.count() - 1]; }
        void answer(std::string_view body = "hi", std::string_view more = "");
        void refuse(std::string_view why = "busy");
        std::size_t requests() const;
    };
    PodEnd& add_pod(const std::string& name, bool ready = true);
    PodEnd& add_pod_to(RevisionId to, const std::string& name, bool ready = true);

    // A new client that says `bytes`.
    std::shared_ptr<common::MemoryPeer> say(std::string_view bytes);
    // Runs until it holds; fails the test if it never does.
    void until(const std::function<bool()>& done);
    // The pod has got `n` requests in all (heads, told by their first line's end).
    void until_requests(PodEnd& pod, std::size_t n);
    // What the client got, once it has a whole answer (a head with a length, or a closed end).
    std::string answer_to(common::MemoryPeer& client);
    void until_finished(std::size_t n);

    Router router;
    RouteTable routes;
    RevisionId id;
    SessionCookies cookies{{"0123456789abcdef"}};
    std::unique_ptr<common::BackendPool> pool;
    std::unique_ptr<ServeContext> serve;
    std::vector<RequestRecord> records;
    std::vector<PodId> doubted;

  private:
    std::vector<std::unique_ptr<PodEnd>> pods_;
    std::vector<std::shared_ptr<common::MemoryPeer>> clients_;
};

// "HTTP/1.1 503" -> 503; 0 if it is no answer.
int status_of(std::string_view answer);
// The first field of that name in an answer's head.
std::string field_of(std::string_view answer, std::string_view name);
bool contains(std::string_view text, std::string_view part);

}  // namespace activator
