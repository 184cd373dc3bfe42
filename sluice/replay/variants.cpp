#include "sluice/replay/variants.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "common/core/nearest.hpp"
#include "common/core/parse.hpp"
#include "sluice/service/service_policy.hpp"

namespace sluice::replay {
namespace {

constexpr std::array<std::string_view, 7> policies = {
    "service", "strict", "soft", "model-aware", "first-available", "ideal", "stock"};
constexpr std::array<std::string_view, 3> domains = {"sluice.dev/", "autoscaling.knative.dev/",
                                                     "serving.knative.dev.alibabacloud/"};
constexpr std::string_view cookie_domain = domains[2];

// What the settings leave, before it becomes a Setup.
struct Draft {
    ServiceSpec service;
    std::string policy = "service";
    std::optional<std::uint64_t> gpus;
    Setup setup;
    Annotations annotations;
};

template <class Value>
bool take(const std::optional<Value>& parsed, Value& into) {
    if (parsed) into = *parsed;
    return parsed.has_value();
}

bool read_policy(const std::string& value, Draft& draft) {
    draft.policy = value;
    return std::find(policies.begin(), policies.end(), value) != policies.end();
}
bool read_gpus(const std::string& value, Draft& draft) {
    const auto number = common::parse_int(value);
    if (number) draft.gpus = static_cast<std::uint64_t>(*number);
    return number && *number >= 1 && *number <= 10'000;
}
bool read_speed(const std::string& value, Draft& draft) {
    return take(common::parse_number(value), draft.setup.speed) && draft.setup.speed >= 0.001 &&
           draft.setup.speed <= 1000;
}
bool read_seed(const std::string& value, Draft& draft) {
    const auto number = common::parse_int(value);
    if (number) draft.setup.seed = static_cast<std::uint64_t>(*number);
    return number && *number >= 0;
}
bool read_wait(const std::string& value, Duration& into) {
    return take(common::parse_go_duration(value), into) && into >= Duration::zero() &&
           into <= std::chrono::hours(24);
}
bool read_model_load(const std::string& value, Draft& draft) {
    return read_wait(value, draft.setup.model_load);
}
bool read_pod_start(const std::string& value, Draft& draft) {
    return read_wait(value, draft.setup.pod_start);
}
bool read_concurrency(const std::string& value, Draft& draft) {
    return take(common::parse_int(value), draft.service.container_concurrency) &&
           draft.service.container_concurrency >= 0 && draft.service.container_concurrency <= 1000;
}
bool read_timeout(const std::string& value, Draft& draft) {
    return take(common::parse_int(value), draft.service.timeout_seconds) &&
           draft.service.timeout_seconds >= 1 && draft.service.timeout_seconds <= 86'400;
}

struct OwnKey {
    std::string_view name;
    std::string_view valid;
    bool (*read)(const std::string& value, Draft& draft);
};
constexpr std::array<OwnKey, 8> own_keys = {{
    {"policy", "one of service, strict, soft, model-aware, first-available, ideal, stock",
     read_policy},
    {"gpus", "a number of GPUs from 1 to 10000", read_gpus},
    {"speed", "a number from 0.001 to 1000", read_speed},
    {"seed", "a whole number from 0", read_seed},
    {"model-load", "a duration from 0s to 24h, like 22.7s", read_model_load},
    {"pod-start", "a duration from 0s to 24h, like 90s", read_pod_start},
    {"containerConcurrency", "a whole number from 0 to 1000", read_concurrency},
    {"timeoutSeconds", "a number of seconds from 1 to 86400", read_timeout},
}};

std::vector<std::string> annotation_names() {
    std::vector<std::string> names = common::knob_names();
    for (const std::string_view name : autoscaler::annotation_names())
        names.emplace_back(name);
    return names;
}

// The full name of the annotation that the user means.
std::optional<std::string> full_name(const std::string& key) {
    const std::vector<std::string> known = annotation_names();
    if (std::find(known.begin(), known.end(), key) != known.end()) return key;
    for (const std::string_view domain : domains) {
        std::string name = std::string(domain) + key;
        if (std::find(known.begin(), known.end(), name) != known.end()) return name;
    }
    return std::nullopt;
}

std::string unknown_key(const std::string& key) {
    std::vector<std::string> known = annotation_names();
    for (std::string& name : known)
        name = name.substr(name.find('/') + 1);
    for (const OwnKey& own : own_keys)
        known.emplace_back(own.name);
    std::string text = "unknown setting \"" + key + "\"";
    if (const auto near = common::nearest_name(key, known)) {
        text += "; did you mean " + *near + "?";
    } else {
        text +=
            "; it is neither an annotation of a service nor one of policy, gpus, speed, seed, "
            "model-load, pod-start, containerConcurrency, timeoutSeconds";
    }
    return text;
}

std::string apply(const Setting& setting, Draft& draft) {
    const auto& [key, value] = setting;
    for (const OwnKey& own : own_keys) {
        if (own.name != key) continue;
        if (own.read(value, draft)) return "";
        return key + ": \"" + value + "\" is not " + std::string(own.valid);
    }
    const std::optional<std::string> name = full_name(key);
    if (!name) return unknown_key(key);
    std::erase_if(draft.annotations, [&](const auto& pair) { return pair.first == *name; });
    draft.annotations.emplace_back(*name, value);
    return "";
}

// The annotations once more, with what was set.
std::string resolve_annotations(const autoscaler::Config& config, Draft& draft) {
    auto knobs = common::parse_knobs(draft.annotations);
    for (const common::KnobProblem& problem : knobs.problems) {
        if (problem.is_error) return problem.annotation + ": " + problem.message;
    }
    draft.service.knobs = std::move(knobs.knobs);
    auto scaling = autoscaler::parse_annotations(draft.annotations, config);
    if (!scaling.problems.empty()) return scaling.problems.front().text;
    draft.service.scaling = scaling.scaling;
    return "";
}

Departure departure_of(const ServiceSpec& service) {
    switch (common::on_disconnect_for(service.knobs, service.container_concurrency)) {
        case common::OnDisconnect::finish:
            return Departure::hold;
        case common::OnDisconnect::interrupt:
            return Departure::stop;
        case common::OnDisconnect::close:
            return Departure::free;
    }
    return Departure::hold;
}

void apply_policy(Draft& draft) {
    const common::Knobs& knobs = draft.service.knobs;
    Setup& setup = draft.setup;
    const bool by_name = draft.policy != "service";
    setup.sessions.enabled = by_name ? draft.policy != "first-available"
                                     : knobs.affinity.enabled || !knobs.affinity_header.empty();
    setup.models_known = by_name ? draft.policy == "model-aware" : !knobs.model_key.empty();
    if (draft.policy == "strict") setup.scheduling.affinity_patience.reset();
    if (draft.policy == "soft") setup.scheduling.affinity_patience = Duration::zero();
    if (draft.policy == "ideal") setup.engine = Engine::ideal;
    if (draft.policy != "stock") return;
    setup.engine = Engine::stock;
    setup.sessions.enabled = false;
    setup.scaling.grace_after_inactive = false;
}

std::string finish_setup(const autoscaler::Config& config, Draft& draft) {
    std::string wrong = resolve_annotations(config, draft);
    if (!wrong.empty()) return wrong;
    const ServiceSpec& service = draft.service;
    const activator::Revision revision = revision_of(service);
    Setup& setup = draft.setup;
    setup.scheduling = activator::policy_of(revision);
    // Stock makes a first pod of every revision.
    setup.scaling =
        draft.policy == "stock"
            ? autoscaler::resolve_policy(service.scaling, config,
                                         static_cast<std::uint32_t>(service.container_concurrency))
            : scaling_policy_of(service, config);
    setup.sessions.timeout = service.knobs.affinity.timeout;
    setup.sessions.lifetime = service.knobs.affinity_lifetime;
    setup.departure = departure_of(service);
    setup.timeout = revision.timeout;
    setup.gpus_per_pod = std::max(service.container.gpus, 1U);
    if (draft.gpus) {
        const auto pods = static_cast<std::uint32_t>(*draft.gpus / setup.gpus_per_pod);
        if (pods == 0)
            return "gpus: a pod of this service takes " + std::to_string(setup.gpus_per_pod);
        setup.fixed_pods = pods;
    }
    apply_policy(draft);
    return "";
}

Draft first_draft(const ServiceSpec& service) {
    Draft draft;
    draft.service = service;
    draft.annotations = service.template_annotations;
    for (const auto& pair : service.annotations) {
        if (pair.first.starts_with(cookie_domain)) draft.annotations.push_back(pair);
    }
    // Of others (features, clients' own) nothing is asked here.
    std::erase_if(draft.annotations, [](const auto& pair) { return !full_name(pair.first); });
    return draft;
}

// The next combination of the comparisons' values; false after the last.
bool count_up(const std::vector<Comparison>& comparisons, std::vector<std::size_t>& chosen) {
    for (std::size_t i = comparisons.size(); i-- > 0;) {
        if (++chosen[i] < comparisons[i].values.size()) return true;
        chosen[i] = 0;
    }
    return false;
}

}  // namespace

Setting parse_setting(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return {};
    return {text.substr(0, equals), text.substr(equals + 1)};
}

Comparison parse_comparison(const std::string& text) {
    const Setting setting = parse_setting(text);
    Comparison comparison{setting.first, {}};
    std::string_view rest = setting.second;
    while (!rest.empty()) {
        const std::string_view value = rest.substr(0, rest.find(','));
        comparison.values.emplace_back(value);
        rest.remove_prefix(std::min(value.size() + 1, rest.size()));
    }
    if (comparison.values.empty()) comparison.key.clear();
    return comparison;
}

VariantsResult make_variants(const ServiceSpec& service, const autoscaler::Config& config,
                             const std::vector<Setting>& settings,
                             const std::vector<Comparison>& comparisons) {
    VariantsResult result;
    const auto add = [&](const std::vector<Setting>& compared, const char* reference) {
        Draft draft = first_draft(service);
        std::vector<Setting> all = settings;
        all.insert(all.end(), compared.begin(), compared.end());
        if (reference != nullptr) all.emplace_back("policy", reference);
        for (const Setting& setting : all) {
            if (result.error.empty()) result.error = apply(setting, draft);
        }
        if (result.error.empty()) result.error = finish_setup(config, draft);
        if (!result.error.empty()) return;
        Variant variant{{{"policy", draft.policy}}, draft.setup, reference != nullptr};
        for (const Setting& setting : compared) {
            if (setting.first != "policy") variant.names.push_back(setting);
        }
        result.variants.push_back(std::move(variant));
    };
    std::vector<std::size_t> chosen(comparisons.size());
    do {
        std::vector<Setting> compared;
        for (std::size_t i = 0; i < comparisons.size(); ++i)
            compared.emplace_back(comparisons[i].key, comparisons[i].values[chosen[i]]);
        if (result.variants.size() >= variants_max)
            result.error =
                "--compare makes more than " + std::to_string(variants_max) + " variants";
        add(compared, nullptr);
    } while (result.error.empty() && count_up(comparisons, chosen));
    for (const char* reference : {"ideal", "stock"}) {
        const bool asked = std::any_of(
            result.variants.begin(), result.variants.end(),
            [&](const Variant& variant) { return variant.names.front().second == reference; });
        if (!asked && result.error.empty()) add({}, reference);
    }
    return result;
}

}  // namespace sluice::replay
