// A YAML value that knows its path and its line, so that every complaint can name both.
//
// Reading is schema-directed: the callers ask for the fields they know and then report the rest
// (warn_unknown). Types are Kubernetes': a number where a string is wanted is a warning (Kubernetes
// refuses it, but what is meant is clear), a string where a number is wanted is an error.
// A field whose value is null counts as absent.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "sluice/service/problem.hpp"

namespace sluice {

class YamlField {
  public:
    // `problems` outlives the field and all fields made from it.
    YamlField(const YAML::Node& node, std::string path, Problems& problems)
        : node_(node), path_(std::move(path)), problems_(&problems) {}

    const std::string& path() const { return path_; }
    int line() const;
    bool is_map() const { return node_.IsMap(); }

    void error(std::string message) const;
    void warn(std::string message) const;
    // The same about a field of this map that is not there.
    void error_at(std::string_view key, std::string message) const;

    // A field of this map. Nothing if it is absent or this is no map.
    std::optional<YamlField> find(std::string_view key) const;
    // As find, and an error if it is absent.
    std::optional<YamlField> require(std::string_view key) const;
    // As find, with an error if the value is not a map or a list.
    std::optional<YamlField> find_map(std::string_view key) const;
    std::vector<YamlField> find_list(std::string_view key) const;

    // All entries of this map in file order; a key that comes twice is an error, the first counts.
    std::vector<std::pair<std::string, YamlField>> entries() const;

    // This scalar's text whatever its type; nothing for lists, maps and null. No complaint.
    std::optional<std::string> raw_scalar() const;
    // This scalar as its type; nothing, and an error, if it is something else.
    std::optional<std::string> text() const;
    std::optional<std::int64_t> integer(std::int64_t min, std::int64_t max) const;

    // find + text / integer.
    std::string text_of(std::string_view key, std::string fallback = "") const;
    std::optional<std::int64_t> integer_of(std::string_view key, std::int64_t min,
                                           std::int64_t max) const;
    // A list of strings; empty if absent.
    std::vector<std::string> texts_of(std::string_view key) const;

    // One warning for each entry that is in neither list; `accepted` fields mean something to
    // Kubernetes that one machine does not do (said so), `known` ones are read or harmless.
    void warn_unknown(std::initializer_list<std::string_view> known,
                      std::initializer_list<std::string_view> accepted = {}) const;

  private:
    YAML::Node node_;
    std::string path_;
    Problems* problems_;
};

}  // namespace sluice
