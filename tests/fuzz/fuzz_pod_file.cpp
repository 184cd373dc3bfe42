// Pod files: judged as a whole, and what is taken over can be served.
#include <set>
#include <string>

#include "activator/pod_file.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    const fuzz::Input input(data, size);
    const activator::PodFile file = activator::parse_pod_file(input.rest());
    for (const std::string& problem : file.problems)
        HOLDS(!problem.empty() && problem.find('\n') == std::string::npos);
    if (!file.problems.empty()) return 0;
    std::set<std::pair<std::string, std::string>> names;
    for (const activator::ListedRevision& listed : file.revisions) {
        const activator::Revision& revision = listed.revision;
        HOLDS(!revision.name.empty() && !revision.name_space.empty());
        HOLDS(names.emplace(revision.name_space, revision.name).second);
        HOLDS(revision.timeout > common::Duration::zero());
        std::set<std::string> pods;
        for (const activator::ListedPod& pod : listed.pods) {
            HOLDS(!pod.name.empty());
            HOLDS(pods.insert(pod.name).second);
            HOLDS(pod.address.port != 0);
        }
    }
    return 0;
}
