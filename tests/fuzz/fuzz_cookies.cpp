// Our cookie among others. First line: its name; each further line: one field, ';' for others.
#include <string>
#include <vector>

#include "common/http/cookies.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

// The pairs of all Cookie fields that are not named `name`, blanks around them removed.
std::vector<std::string> others(const common::Fields& fields, const std::string& name) {
    std::vector<std::string> pairs;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        std::string text(fields[i].value);
        text += ';';
        std::size_t begin = 0;
        for (auto end = text.find(';'); end != text.npos; end = text.find(';', begin)) {
            const std::string pair(
                common::trim_blanks(std::string_view(text).substr(begin, end - begin)));
            if (!pair.empty() && !pair.starts_with(name + "=")) pairs.push_back(pair);
            begin = end + 1;
        }
    }
    return pairs;
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::string name(input.line());
    if (name.empty() || name.find_first_of("=; \t") != name.npos) return 0;  // no cookie's name
    common::Fields fields;
    while (!input.empty())
        fields.add("cookie", input.line());

    const std::size_t values = common::find_cookies(fields, name).size();
    const std::vector<std::string> before = others(fields, name);
    common::Fields stripped = fields;
    common::strip_cookie(stripped, name);
    HOLDS(common::find_cookies(stripped, name).empty());
    HOLDS(others(stripped, name) == before);
    HOLDS(stripped.size() <= fields.size());
    if (values == 0) {
        for (std::size_t i = 0; i < stripped.size(); ++i)
            HOLDS(!stripped[i].value.empty());
    }
    common::Fields twice = stripped;
    common::strip_cookie(twice, name);
    HOLDS(twice.joined("Cookie") == stripped.joined("Cookie"));
    return 0;
}
