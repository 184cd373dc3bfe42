// Holds what a program shows of our own family against the catalogue, in both directions.
#pragma once

#include <map>
#include <set>
#include <sstream>
#include <string>

#include "common/metrics/catalogue.hpp"

namespace common {

// Metric by metric, the labels of its samples without those of `ignored`, as "name=value" sets.
using LabelSets = std::map<std::string, std::set<std::string>>;

// Names of our families in the text (by their TYPE lines), with each "label=value" of their samples
// but `le` and the labels in `ignored`.
inline LabelSets our_families(const std::string& text, const std::set<std::string>& ignored) {
    LabelSets found;
    std::istringstream lines(text);
    std::string family;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# TYPE sluice_")) {
            family = line.substr(7, line.rfind(' ') - 7);
            found[family];
        }
        if (!line.starts_with("sluice_")) continue;
        const std::size_t open = line.find('{');
        if (open == std::string::npos) continue;
        std::istringstream labels(line.substr(open + 1, line.rfind('}') - open - 1));
        for (std::string label; std::getline(labels, label, ',');) {
            const std::string name = label.substr(0, label.find('='));
            if (name == "le" || ignored.contains(name)) continue;
            const std::size_t quote = label.find('"');
            found[family].insert(name + "=" + label.substr(quote + 1, label.size() - quote - 2));
        }
    }
    return found;
}

// "a: x y; b: z" as {"a=x", "a=y", "b=z"}; text in parentheses says nothing.
inline std::set<std::string> listed_labels(std::string_view text) {
    std::set<std::string> listed;
    if (text.starts_with("(")) return listed;
    std::istringstream labels{std::string(text)};
    for (std::string label; std::getline(labels, label, ';');) {
        std::istringstream words(label);
        std::string name;
        words >> name;
        name.pop_back();
        for (std::string value; words >> value;)
            listed.insert(name + "=" + value);
    }
    return listed;
}

// "" or what differs: a family that the catalogue lists for `program` and the text lacks, one that
// it has and the catalogue does not list, or a label value that is not listed.
inline std::string differences(const std::string& text, MetricsOf program,
                               const std::set<std::string>& ignored) {
    std::string said;
    LabelSets found = our_families(text, ignored);
    for (const MetricInfo& info : metric_catalogue()) {
        const auto family = found.find(std::string(info.name));
        const bool listed = (info.programs & program) != 0;
        if (listed != (family != found.end()))
            said += std::string(info.name) + (listed ? " is missing\n" : " is not listed\n");
        if (family == found.end()) continue;
        const std::set<std::string> values = listed_labels(info.labels);
        for (const std::string& label : family->second) {
            if (!values.contains(label))
                said += std::string(info.name) + ": " + label + " is not listed\n";
        }
        found.erase(family);
    }
    for (const auto& [name, labels] : found)
        said += name + " is not in the catalogue\n";
    return said;
}

}  // namespace common
