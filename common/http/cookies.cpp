#include "common/http/cookies.hpp"

namespace common {
namespace {

// Calls visit(pair) for each "name=value" of a Cookie field, blanks around it removed.
template <class Visit>
void each_pair(std::string_view value, Visit visit) {
    while (true) {
        const std::size_t semicolon = value.find(';');
        visit(trim_blanks(value.substr(0, semicolon)));
        if (semicolon == std::string_view::npos) return;
        value.remove_prefix(semicolon + 1);
    }
}

bool is_named(std::string_view pair, std::string_view name) {
    return pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name);
}

std::string without(std::string_view value, std::string_view name) {
    std::string rest;
    each_pair(value, [&](std::string_view pair) {
        if (is_named(pair, name) || pair.empty()) return;
        if (!rest.empty()) rest += "; ";
        rest += pair;
    });
    return rest;
}

}  // namespace

std::vector<std::string_view> find_cookies(const Fields& fields, std::string_view name) {
    std::vector<std::string_view> values;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const Fields::Field field = fields[i];
        if (!equal_ignoring_case(field.name, "Cookie")) continue;
        each_pair(field.value, [&](std::string_view pair) {
            if (is_named(pair, name)) values.push_back(pair.substr(name.size() + 1));
        });
    }
    return values;
}

void strip_cookie(Fields& fields, std::string_view name) {
    std::vector<std::string> kept;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const Fields::Field field = fields[i];
        if (!equal_ignoring_case(field.name, "Cookie")) continue;
        bool ours = false;
        each_pair(field.value, [&](std::string_view pair) { ours = ours || is_named(pair, name); });
        // A field without our cookie stays as it is, odd spacing and all.
        std::string value = ours ? without(field.value, name) : std::string(field.value);
        if (!value.empty()) kept.push_back(std::move(value));
    }
    fields.erase("Cookie");
    for (const std::string& value : kept)
        fields.add("Cookie", value);
}

}  // namespace common
