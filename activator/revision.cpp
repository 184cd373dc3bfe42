#include "activator/revision.hpp"

namespace activator {

RevisionPolicy policy_of(const Revision& revision) {
    RevisionPolicy policy;
    policy.concurrency = revision.concurrency;
    policy.queue_limit = revision.knobs.queue_limit;
    policy.cold_start_timeout = revision.knobs.cold_start_timeout;
    policy.queue_timeout = revision.knobs.queue_timeout.value_or(revision.timeout);
    policy.affinity_patience = revision.knobs.affinity_patience;
    policy.model_patience = revision.knobs.model_patience;
    return policy;
}

}  // namespace activator
