// Revisions and pods from a file, for an activator without Kubernetes (tests, benches, machines
// whose pods something else starts):
//
//   {"revisions": [{"namespace": "default", "service": "sd", "name": "sd-00001",
//   "containerConcurrency": 1,
//                   "timeoutSeconds": 300, "annotations": {"sluice.dev/queue-limit": "100"},
//                   "pods": [{"name": "sd-00001-abcde", "address": "10.0.0.7:8012"}]}]}
//
// The text is judged as a whole: with one problem in it nothing of it is taken over.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "activator/revision.hpp"
#include "common/net/address.hpp"

namespace activator {

struct ListedPod {
    std::string name;
    common::Address address;  // of its queue-proxy
    friend bool operator==(const ListedPod&, const ListedPod&) = default;
};

struct ListedRevision {
    Revision revision;  // its id is not set
    std::vector<ListedPod> pods;
};

struct PodFile {
    std::vector<ListedRevision> revisions;
    std::vector<std::string>
        problems;  // "revisions[0].pods[1].address: …"; not empty: revisions mean nothing
};

PodFile parse_pod_file(std::string_view text);

}  // namespace activator
