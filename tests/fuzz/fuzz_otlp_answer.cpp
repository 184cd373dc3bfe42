// What a collector answers to a push. First byte: its status; first line: Retry-After; second:
// grpc-status; third: grpc-message; fourth: grpc-status-details-bin; the rest: the body.
#include <string>

#include "common/core/utf8.hpp"
#include "common/otlp/answer.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using Outcome = common::OtlpAnswer::Outcome;

void require_sane(const common::OtlpAnswer& answer) {
    HOLDS(answer.outcome == Outcome::sent || !answer.reason.empty());
    HOLDS(answer.reason.size() < 300);
    HOLDS(common::valid_utf8(answer.reason, 300) == answer.reason);
    if (!answer.after) return;
    HOLDS(*answer.after >= common::Duration::zero());
    HOLDS(*answer.after < std::chrono::seconds(3601));
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    common::ResponseHead head;
    head.status = 100 + 2 * input.byte();
    head.fields.add("Retry-After", input.line());
    common::Fields trailers;
    for (const char* name : {"grpc-status", "grpc-message", "grpc-status-details-bin"})
        trailers.add(name, input.line());
    require_sane(common::otlp_http_answer(head, input.rest()));
    const common::OtlpAnswer at_end = common::otlp_grpc_answer(head, trailers, input.rest());
    require_sane(at_end);
    // The same in the head of a call that ends at once.
    for (std::size_t i = 0; i < trailers.size(); ++i)
        head.fields.add(trailers[i].name, trailers[i].value);
    const common::OtlpAnswer at_once = common::otlp_grpc_answer(head, {}, input.rest());
    HOLDS(at_once.outcome == at_end.outcome && at_once.reason == at_end.reason);
    HOLDS(at_once.after == at_end.after);
    return 0;
}
