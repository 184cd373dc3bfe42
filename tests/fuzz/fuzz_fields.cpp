// A header list against a plain model of it. Each line is one operation: 'a' add, 's' set, 'e'
// erase, 'l' ask for a list member, 'c' clear; then NAME, ':' and VALUE.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/http/fields.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using Model = std::vector<std::pair<std::string, std::string>>;

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

bool model_lists(const Model& model, std::string_view name, std::string_view token) {
    for (const auto& [n, value] : model) {
        if (!same_name(n, name)) continue;
        std::size_t begin = 0;
        while (begin <= value.size()) {
            const std::size_t end = std::min(value.find(',', begin), value.size());
            std::string member = value.substr(begin, end - begin);
            member.erase(0, std::min(member.find_first_not_of(" \t"), member.size()));
            member.erase(member.find_last_not_of(" \t") + 1);
            if (same_name(member, token)) return true;
            begin = end + 1;
        }
    }
    return false;
}

void require_equal(const common::Fields& fields, const Model& model, std::string_view name) {
    HOLDS(fields.size() == model.size());
    std::string joined;
    std::size_t count = 0;
    for (std::size_t i = 0; i < model.size(); ++i) {
        HOLDS(fields[i].name == model[i].first);
        HOLDS(fields[i].value == model[i].second);
        if (!same_name(model[i].first, name)) continue;
        if (count == 0) HOLDS(fields.get(name) == model[i].second);
        joined += (count > 0 ? ", " : "") + model[i].second;
        ++count;
    }
    HOLDS(fields.count(name) == count);
    HOLDS(fields.has(name) == (count > 0));
    HOLDS(fields.joined(name) == joined);
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    common::Fields fields;
    Model model;
    while (!input.empty()) {
        fuzz::Input line(data, 0);
        const std::string_view text = input.line();
        line = fuzz::Input(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
        const char operation = static_cast<char>(line.byte());
        const std::string_view name = line.text_until(':');
        const std::string_view value = line.rest();
        const auto is_named = [&](const auto& field) { return same_name(field.first, name); };
        if (operation == 'e' || operation == 's') {
            const std::size_t erased = std::erase_if(model, is_named);
            if (operation == 'e') HOLDS(fields.erase(name) == erased);
            if (operation == 's') fields.set(name, value);
        }
        if (operation == 'a') fields.add(name, value);
        if (operation == 'a' || operation == 's') model.emplace_back(name, value);
        if (operation == 'l') HOLDS(fields.lists(name, value) == model_lists(model, name, value));
        if (operation == 'c') {
            fields.clear();
            model.clear();
        }
        require_equal(fields, model, name);
    }
    return 0;
}
