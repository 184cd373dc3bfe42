// The YAML documents of a text, with an end.
//
// yaml-cpp 0.7 makes null documents for ever out of a stray token between documents (a text that is
// only ","), so the text is walked once without building anything before it is loaded.
#pragma once

#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace sluice {

// Throws YAML::Exception, whose mark says where, if the text is no YAML or has over 1000 documents.
std::vector<YAML::Node> load_documents(const std::string& text);

}  // namespace sluice
