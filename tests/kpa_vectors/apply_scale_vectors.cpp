// Kind `applyScale`: bounds, initial scale, scale to zero.
#include "autoscaler/apply_scale.hpp"
#include "tests/kpa_vectors/vectors.hpp"

namespace kpa_vectors {

using autoscaler::Active;
using autoscaler::ApplyScaleInput;
using autoscaler::ApplyScaleResult;
using autoscaler::PathMode;

namespace {

Active read_active(const Fields& input) {
    const std::string active = input.text("paActive", "True");
    if (active == "True") return Active::yes;
    if (active == "False") return Active::no;
    if (active == "Unknown") return Active::unknown;
    throw FieldError("paActive " + active + " is unknown");
}

PathMode read_mode(const Fields& input) {
    const std::string mode = input.text("sksMode", "Serve");
    if (mode == "Serve") return PathMode::serve;
    if (mode == "Proxy") return PathMode::proxy;
    throw FieldError("sksMode " + mode + " is unknown");
}

ApplyScaleInput read_input(const Fields& fields) {
    ApplyScaleInput input;
    input.desired = fields.count("desiredScale");
    input.current_replicas = fields.count("currentReplicas");
    input.bounds.min = fields.count("minScale", 0);
    input.bounds.max = fields.count("maxScale", 0);
    input.bounds.initial = fields.count("initialScale", 1);
    input.initial_scale_reached = fields.boolean("scaleTargetInitialized", true);
    input.unreachable = fields.text("reachability", "Reachable") == "Unreachable";
    input.active = read_active(fields);
    input.in_state = fields.seconds("inStateSeconds", common::Duration::zero());
    input.mode = read_mode(fields);
    input.proxied_for = fields.seconds("sksProxyForSeconds", common::Duration::zero());
    input.activator_probe_ok = fields.boolean("activatorProbeOK", true);
    input.target_burst_capacity = fields.number("targetBurstCapacity", 211);
    autoscaler::ScaleToZeroRules& rules = input.to_zero;
    rules.enabled = fields.boolean("enableScaleToZero", true);
    rules.stable_window = fields.seconds("stableWindowSeconds", rules.stable_window);
    rules.grace = fields.seconds("scaleToZeroGraceSeconds", rules.grace);
    rules.retention = fields.seconds("podRetentionSeconds", rules.retention);
    rules.progress_deadline = fields.seconds("progressDeadlineSeconds", rules.progress_deadline);
    // An initial scale of 0 that is not allowed falls back to the cluster's, which is 1 (8.2).
    if (input.bounds.initial == 0 && !fields.boolean("allowZeroInitialScale", false)) {
        input.bounds.initial = 1;
    }
    return input;
}

std::string shown_count(const std::optional<std::int32_t>& count) {
    return count ? std::to_string(*count) : "none";
}

std::string shown_seconds(const std::vector<double>& seconds) {
    std::string text = "[";
    for (const double value : seconds)
        text += (text.size() > 1 ? ", " : "") + shown(value);
    return text + "]";
}

}  // namespace

std::string check_apply_scale(const Fields& vector) {
    const ApplyScaleResult got = autoscaler::apply_scale(read_input(vector.object("input")));
    const Fields expect = vector.object("expect");
    std::vector<double> recheck;
    if (got.recheck_after) recheck.push_back(common::to_seconds(*got.recheck_after));
    return first_of(
        {difference("want", expect.count("want"), got.want),
         difference("patchReplicas", shown_count(expect.optional_count("patchReplicas")),
                    shown_count(got.patch)),
         difference("reenqueueAfterSeconds", shown_seconds(expect.numbers("reenqueueAfterSeconds")),
                    shown_seconds(recheck)),
         difference("syncActivatorProbe", expect.boolean("syncActivatorProbe"),
                    got.probed_activator),
         difference("asyncProbeStarted", expect.boolean("asyncProbeStarted"),
                    got.start_async_probe)});
}

}  // namespace kpa_vectors
