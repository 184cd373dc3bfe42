// The one of several activators that scales (core/leader_election): reads and writes the Lease
// `sluice-activator` every two seconds.
//
// The holder's name in the Lease is POD@ADDRESS:PORT, so that the others know where their reports
// go (peers.hpp).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "activator/kubernetes/api_client.hpp"
#include "activator/standalone/core/leader_election.hpp"
#include "common/async/task_group.hpp"
#include "common/net/address.hpp"

namespace activator::standalone {

class Leadership {
  public:
    struct Events {
        std::function<void()> on_elected;
        std::function<void()> on_lost;  // another one may lead from now on
    };

    // All outlive it. stop() it, and let the tasks end, before it goes away.
    Leadership(common::TaskGroup& tasks, common::TimeSource& time, kubernetes::ApiClient& api,
               const std::string& name_space, std::string identity, Events events);

    void start();
    // Lets go at once, so that another one leads within two seconds, and stands for no more; who
    // leads is still followed.
    void resign();
    void stop();
    bool leads() const { return leads_; }
    // Where the leader hears reports; empty: there is none, or it is us.
    std::optional<common::Address> leader() const;
    const std::string& holder() const { return election_.holder(); }

  private:
    void look_later();
    common::awaitable<void> look();
    common::awaitable<std::string> take_turn();
    common::awaitable<void> let_go(LeaseRecord record);
    kubernetes::ApiClient::Request write(const LeaseRecord& record, bool fresh) const;
    void settle();

    common::TaskGroup& tasks_;
    common::TimeSource& time_;
    kubernetes::ApiClient& api_;
    std::string name_space_;
    std::string folder_;
    LeaderElection election_;
    Events events_;
    std::unique_ptr<common::Timer> timer_;
    std::unique_ptr<common::Timer> deadline_;
    std::string problem_;  // that was logged last
    std::string known_holder_;
    bool leads_ = false;
    bool resigned_ = false;
    bool stopped_ = false;
};

}  // namespace activator::standalone
