// Keeps a gateway's revisions and pods as a file says (pod_file.hpp). The file is looked at once a
// second, and at once on reload(). One that has become bad, or is gone, is one log line; what was
// known stays.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "activator/gateway.hpp"
#include "activator/pod_file.hpp"

namespace activator {

class PodSource {
  public:
    // Both outlive the source.
    PodSource(Gateway& gateway, common::TimeSource& time, std::string path);

    // Reads the file for the first time. Returns what is wrong, one line each; empty: good.
    std::vector<std::string> load();
    void start();
    void reload();
    void stop();

  private:
    // What tells that a file is another one: device, inode, size, time of change in nanoseconds.
    struct Mark {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t size = 0;
        std::int64_t changed = 0;
        friend bool operator==(const Mark&, const Mark&) = default;
    };
    struct Known {
        RevisionId id;
        Revision revision;
        std::map<std::string, std::pair<common::Address, PodId>> pods;  // by name
    };

    void look();
    std::optional<Mark> mark() const;
    std::optional<std::string> read() const;
    void take_over(const PodFile& file);
    void take_over_pods(Known& known, const std::vector<ListedPod>& pods);

    Gateway& gateway_;
    common::TimeSource& time_;
    std::string path_;
    std::unique_ptr<common::Timer> timer_;
    std::optional<Mark> seen_;
    std::map<std::string, Known> known_;  // by "namespace/name"
};

}  // namespace activator
