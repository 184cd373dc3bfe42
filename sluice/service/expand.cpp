#include "sluice/service/expand.hpp"

namespace sluice {

std::string expand_variables(std::string_view text, const Lookup& lookup) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char next = text[i + 1];
        if (next == '$') {
            out += '$';
            ++i;
            continue;
        }
        const auto close = next == '(' ? text.find(')', i + 2) : std::string_view::npos;
        if (close == std::string_view::npos) {
            out += '$';
            continue;
        }
        const auto name = text.substr(i + 2, close - i - 2);
        if (const auto value = lookup(name))
            out += *value;
        else
            out += text.substr(i, close - i + 1);
        i = close;
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> expand_env(
    const std::vector<std::pair<std::string, std::string>>& entries, const Lookup& base) {
    std::vector<std::pair<std::string, std::string>> done;
    const Lookup earlier = [&](std::string_view name) -> std::optional<std::string> {
        for (auto it = done.rbegin(); it != done.rend(); ++it)
            if (it->first == name) return it->second;
        return base(name);
    };
    for (const auto& [name, value] : entries) {
        auto expanded = expand_variables(value, earlier);
        done.emplace_back(name, std::move(expanded));
    }
    return done;
}

}  // namespace sluice
