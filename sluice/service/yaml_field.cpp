#include "sluice/service/yaml_field.hpp"

#include <algorithm>

#include "common/core/nearest.hpp"
#include "common/core/parse.hpp"

namespace sluice {
namespace {

std::string child_path(const std::string& parent, std::string_view key) {
    // Annotation names have dots and slashes of their own: they read better in brackets.
    const bool plain = key.find_first_of("./") == std::string_view::npos;
    if (parent.empty()) return std::string(key);
    if (plain) return parent + "." + std::string(key);
    return parent + "[" + std::string(key) + "]";
}

// Would Kubernetes take this unquoted scalar for something other than a string?
bool is_other_than_string(const YAML::Node& node) {
    if (node.Tag() == "!") return false;  // quoted or a block scalar
    const auto& text = node.Scalar();
    for (const char* word :
         {"true", "True", "TRUE", "false", "False", "FALSE", "yes", "no", "on", "off", "null", "~"})
        if (text == word) return true;
    return common::parse_number(text).has_value() || common::parse_go_int(text).has_value();
}

bool contains(std::initializer_list<std::string_view> list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

int YamlField::line() const {
    return node_.Mark().line + 1;
}

void YamlField::error(std::string message) const {
    problems_->push_back({Severity::error, line(), path_, std::move(message)});
}

void YamlField::warn(std::string message) const {
    problems_->push_back({Severity::warning, line(), path_, std::move(message)});
}

void YamlField::error_at(std::string_view key, std::string message) const {
    problems_->push_back({Severity::error, line(), child_path(path_, key), std::move(message)});
}

std::optional<YamlField> YamlField::find(std::string_view key) const {
    if (!node_.IsMap()) return std::nullopt;
    for (const auto& entry : node_) {
        if (!entry.first.IsScalar() || entry.first.Scalar() != key) continue;
        if (entry.second.IsNull()) return std::nullopt;
        return YamlField(entry.second, child_path(path_, key), *problems_);
    }
    return std::nullopt;
}

std::optional<YamlField> YamlField::require(std::string_view key) const {
    auto field = find(key);
    if (!field) error_at(key, "is missing");
    return field;
}

std::optional<YamlField> YamlField::find_map(std::string_view key) const {
    auto field = find(key);
    if (!field || field->is_map()) return field;
    field->error("must be a map");
    return std::nullopt;
}

std::vector<YamlField> YamlField::find_list(std::string_view key) const {
    std::vector<YamlField> items;
    const auto field = find(key);
    if (!field) return items;
    if (!field->node_.IsSequence()) {
        field->error("must be a list");
        return items;
    }
    for (const auto& item : field->node_)
        items.emplace_back(item, field->path_ + "[" + std::to_string(items.size()) + "]",
                           *problems_);
    return items;
}

std::vector<std::pair<std::string, YamlField>> YamlField::entries() const {
    std::vector<std::pair<std::string, YamlField>> all;
    if (!node_.IsMap()) return all;
    for (const auto& entry : node_) {
        const YamlField key(entry.first, path_, *problems_);
        if (!entry.first.IsScalar()) {
            key.error("has a key that is not a word");
            continue;
        }
        const auto& name = entry.first.Scalar();
        YamlField value(entry.second, child_path(path_, name), *problems_);
        const bool twice = std::any_of(all.begin(), all.end(),
                                       [&](const auto& seen) { return seen.first == name; });
        if (twice)
            problems_->push_back(
                {Severity::error, key.line(), value.path_, "is there twice in the same map"});
        else
            all.emplace_back(name, std::move(value));
    }
    return all;
}

std::optional<std::string> YamlField::raw_scalar() const {
    if (!node_.IsScalar()) return std::nullopt;
    return node_.Scalar();
}

std::optional<std::string> YamlField::text() const {
    if (node_.IsNull()) return "";
    if (!node_.IsScalar()) {
        error("must be a string");
        return std::nullopt;
    }
    if (is_other_than_string(node_))
        warn("must be a string: write \"" + node_.Scalar() + "\" in quotes, Kubernetes refuses it");
    return node_.Scalar();
}

std::optional<std::int64_t> YamlField::integer(std::int64_t min, std::int64_t max) const {
    const auto range =
        "must be an integer from " + std::to_string(min) + " to " + std::to_string(max);
    if (!node_.IsScalar()) {
        error(range);
        return std::nullopt;
    }
    const auto& text = node_.Scalar();
    const auto value = common::parse_int(text);
    if (!value || *value < min || *value > max) {
        error(range + ", not \"" + text + "\"");
        return std::nullopt;
    }
    if (node_.Tag() == "!") {
        error("must be a number: write " + text + " without quotes");
        return std::nullopt;
    }
    return value;
}

std::string YamlField::text_of(std::string_view key, std::string fallback) const {
    const auto field = find(key);
    if (!field) return fallback;
    return field->text().value_or(fallback);
}

std::optional<std::int64_t> YamlField::integer_of(std::string_view key, std::int64_t min,
                                                  std::int64_t max) const {
    const auto field = find(key);
    if (!field) return std::nullopt;
    return field->integer(min, max);
}

std::vector<std::string> YamlField::texts_of(std::string_view key) const {
    std::vector<std::string> texts;
    for (const auto& item : find_list(key))
        texts.push_back(item.text().value_or(""));
    return texts;
}

void YamlField::warn_unknown(std::initializer_list<std::string_view> known,
                             std::initializer_list<std::string_view> accepted) const {
    for (const auto& [name, field] : entries()) {
        if (contains(known, name)) continue;
        if (contains(accepted, name)) {
            field.warn("has no meaning on one machine, ignored");
            continue;
        }
        std::vector<std::string> candidates(known.begin(), known.end());
        candidates.insert(candidates.end(), accepted.begin(), accepted.end());
        std::string message = "unknown field, ignored";
        if (const auto near = common::nearest_name(name, candidates))
            message += "; did you mean " + *near + "?";
        field.warn(std::move(message));
    }
}

}  // namespace sluice
