// Every answer that the activator gives by itself, in one place: cause -> status, type, words.
#pragma once

#include <string>
#include <string_view>

#include "activator/revision.hpp"
#include "common/forward/relay.hpp"
#include "common/http/problem.hpp"

namespace activator {

using common::Problem;

Problem no_such_service(std::string_view host);  // 404 no-such-service
Problem no_key(std::string detail);              // 401 no-key
Problem path_denied();                           // 403 path-denied
Problem refused(Refusal refusal,
                const Revision& revision);  // 503 queue-full, queue-bytes-full; 404
Problem expired(ExpiryCause cause,
                const Revision& revision);  // 504 cold-start-timeout, queue-timeout
Problem cancelled();                        // 503 cancelled
Problem shutting_down();                    // 503 shutting-down
// 504 run-timeout, response-start-timeout, idle-timeout
Problem run_timeout(common::RelayTimeout which, const Revision& revision);
Problem pod_failed(std::string detail);  // 502 pod-failed

}  // namespace activator
