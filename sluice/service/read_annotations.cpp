#include "sluice/service/read_annotations.hpp"

#include <algorithm>

#include "common/core/nearest.hpp"

namespace sluice {
namespace {

constexpr std::string_view sluice_domain = "sluice.dev/";
constexpr std::string_view cookie_domain = "serving.knative.dev.alibabacloud/";
constexpr std::string_view autoscaling_domain = "autoscaling.knative.dev/";
constexpr std::string_view progress_deadline = "serving.knative.dev/progress-deadline";
constexpr std::string_view full_duplex = "features.knative.dev/http-full-duplex";

// An annotation with the field that says where it stands.
struct Entry {
    std::string name;
    std::string value;
    YamlField field;
};

std::vector<Entry> read_map(const std::optional<YamlField>& metadata, Annotations& all) {
    std::vector<Entry> entries;
    const auto map = metadata ? metadata->find_map("annotations") : std::nullopt;
    if (!map) return entries;
    for (const auto& [name, field] : map->entries()) {
        const auto value = field.text();
        if (!value) continue;
        all.emplace_back(name, *value);
        entries.push_back({name, *value, field});
    }
    return entries;
}

bool is_scaling(std::string_view name) {
    return name.starts_with(autoscaling_domain) || name == progress_deadline;
}
bool is_knob(std::string_view name) {
    return name.starts_with(sluice_domain) || name.starts_with(cookie_domain);
}

std::vector<std::string> known_names() {
    auto names = common::knob_names();
    for (const auto name : autoscaler::annotation_names())
        names.emplace_back(name);
    names.emplace_back(full_duplex);
    return names;
}

void warn_unknown(const Entry& entry) {
    std::string message = "unknown annotation, ignored";
    if (const auto near = common::nearest_name(entry.name, known_names()))
        message += "; did you mean " + *near + "?";
    entry.field.warn(std::move(message));
}

// An annotation of a family that is not ours: a slip in a known name, or ignored.
void note_foreign(const Entry& entry, ServiceSpec& service) {
    const auto near = common::nearest_name(entry.name, known_names());
    if (near && common::edit_distance(entry.name, *near) <= 2)
        warn_unknown(entry);
    else
        service.ignored.push_back(entry.name);
}

const Entry* last_named(const std::vector<Entry>& entries, std::string_view name) {
    const auto found = std::find_if(entries.rbegin(), entries.rend(),
                                    [&](const Entry& entry) { return entry.name == name; });
    return found == entries.rend() ? nullptr : &*found;
}

Annotations pairs_of(const std::vector<Entry>& entries) {
    Annotations pairs;
    for (const auto& entry : entries)
        pairs.emplace_back(entry.name, entry.value);
    return pairs;
}

void read_knobs(const std::vector<Entry>& entries, ServiceSpec& service) {
    auto result = common::parse_knobs(pairs_of(entries));
    service.knobs = std::move(result.knobs);
    for (const auto& problem : result.problems) {
        const auto* entry = last_named(entries, problem.annotation);
        if (entry == nullptr) continue;
        if (problem.is_error)
            entry->field.error(problem.message);
        else
            entry->field.warn(problem.message);
    }
}

void read_scaling(const std::vector<Entry>& entries, const autoscaler::Config& config,
                  ServiceSpec& service) {
    const auto known = autoscaler::annotation_names();
    for (const auto& entry : entries)
        if (std::find(known.begin(), known.end(), entry.name) == known.end()) warn_unknown(entry);
    auto parsed = autoscaler::parse_annotations(pairs_of(entries), config);
    service.scaling = std::move(parsed.scaling);
    for (const auto& problem : parsed.problems) {
        const auto* entry = last_named(entries, problem.name);
        if (entry == nullptr) continue;
        // The text begins with the name, which the field's path already says.
        auto text = std::string_view(problem.text);
        if (text.starts_with(problem.name)) text.remove_prefix(problem.name.size());
        text.remove_prefix(std::min(text.find_first_not_of(": "), text.size()));
        entry->field.error(std::string(text));
    }
}

bool equal_fold(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

}  // namespace

void read_annotations(const std::optional<YamlField>& service_metadata,
                      const std::optional<YamlField>& template_metadata,
                      const autoscaler::Config& config, ServiceSpec& service) {
    std::vector<Entry> knobs;
    std::vector<Entry> scaling;
    const auto of_service = read_map(service_metadata, service.annotations);
    for (const auto& entry : read_map(template_metadata, service.template_annotations)) {
        if (is_knob(entry.name))
            knobs.push_back(entry);
        else if (is_scaling(entry.name))
            scaling.push_back(entry);
        else if (entry.name == full_duplex)
            service.full_duplex = equal_fold(entry.value, "enabled");
        else
            note_foreign(entry, service);
    }
    for (const auto& entry : of_service) {
        if (entry.name.starts_with(cookie_domain))
            knobs.push_back(entry);  // after the template's: the Service's own wins
        else if (entry.name.starts_with(sluice_domain))
            entry.field.warn("belongs to spec.template.metadata.annotations, ignored here");
        else if (is_scaling(entry.name))
            entry.field.error(
                "belongs to spec.template.metadata.annotations, Knative refuses it here");
        else
            note_foreign(entry, service);
    }
    read_knobs(knobs, service);
    read_scaling(scaling, config, service);
}

}  // namespace sluice
