// One kind of object, kept as the API server has it: a list, then a watch from there on, for ever.
//
// The list comes in pages. The watch goes on from the last resource version that an object or a
// bookmark named; a server that has forgotten that version (410) is asked for a new list, whose
// differences are told like any others. Whatever fails is tried again after a pause that grows; the
// same problem is one log line. A right that we do not have (403) is one, too, and is asked for
// again, as somebody may grant it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "activator/kubernetes/api_client.hpp"
#include "activator/kubernetes/objects.hpp"
#include "activator/kubernetes/watch_text.hpp"
#include "common/async/signal.hpp"
#include "common/async/task_group.hpp"
#include "common/core/rng.hpp"

namespace activator::kubernetes {

class Watch {
  public:
    struct What {
        std::string name;  // for the log: "revisions"
        std::string path;  // "/apis/serving.knative.dev/v1/revisions"
        std::string label_selector;
        std::string field_selector;
    };
    struct Events {
        // It came, or has changed (or not: after a new list everything is told again).
        std::function<void(const nlohmann::json&)> on_object;
        std::function<void(const ObjectName&)> on_gone;
        // All of a list has been told. Also told when we have no right to it (so that nobody waits
        // for it): once.
        std::function<void(bool allowed)> on_synced;
    };

    // `tasks`, `time` and `api` outlive it. stop() it, and let the tasks end, before it goes away.
    Watch(common::TaskGroup& tasks, common::TimeSource& time, ApiClient& api, std::uint64_t seed,
          What what, Events events);

    void start();
    void stop();
    // Lists so far.
    std::size_t lists() const { return lists_; }

  private:
    enum class End { again, failed, expired };

    common::awaitable<void> run();
    common::awaitable<End> list();
    common::awaitable<End> follow();
    common::awaitable<End> read_lines();
    common::awaitable<void> rest(common::Duration pause);
    End take_page(const std::string& body, std::set<ObjectName>& listed, std::string& next);
    End take_line(const std::string& line);
    void take_object(WatchEvent::Kind kind, const nlohmann::json& object);
    End refused(int status);
    End broken(const std::string& problem);
    void well();
    std::string query(const std::string& more) const;

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    ApiClient& api_;
    common::Rng rng_;
    What what_;
    Events events_;
    std::set<ObjectName> known_;
    std::string version_;  // empty: a list is needed
    std::unique_ptr<common::BackendConnection> connection_;
    std::unique_ptr<common::Timer> timer_;
    common::Signal wake_;
    std::string problem_;  // that was logged last
    unsigned failures_ = 0;
    std::size_t lists_ = 0;
    bool told_denied_ = false;
    bool stopped_ = false;
};

}  // namespace activator::kubernetes
