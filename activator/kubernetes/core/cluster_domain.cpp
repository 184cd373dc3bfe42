#include "activator/kubernetes/core/cluster_domain.hpp"

#include <sstream>

namespace activator::kubernetes {

std::string domain_of_resolv_conf(std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word) || word != "search") continue;
        while (words >> word) {
            if (!word.starts_with("svc.") || word.size() == 4) continue;
            if (word.ends_with('.')) word.pop_back();
            return word.substr(4);
        }
    }
    return {};
}

}  // namespace activator::kubernetes
