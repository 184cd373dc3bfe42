#include "sluice/service/expand.hpp"

#include <map>

#include <catch2/catch.hpp>

using namespace sluice;

namespace {
std::optional<std::string> lookup(std::string_view name) {
    static const std::map<std::string, std::string, std::less<>> values{
        {"PORT", "8080"}, {"EMPTY", ""}, {"NESTED", "$(PORT)"}, {"A.B-C", "dots"}};
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
}
}  // namespace

TEST_CASE("expand: variables as Kubernetes expands them", "[sluice]") {
    const std::vector<std::pair<const char*, const char*>> table{
        {"", ""},
        {"plain", "plain"},
        {"$(PORT)", "8080"},
        {"--port=$(PORT)/$(PORT)", "--port=8080/8080"},
        {"$(EMPTY)x", "x"},
        {"$(A.B-C)", "dots"},
        {"$(MISSING)", "$(MISSING)"},
        {"$(NESTED)", "$(PORT)"},  // one pass
        {"$$(PORT)", "$(PORT)"},
        {"$$$(PORT)", "$8080"},
        {"$$$$(PORT)", "$$(PORT)"},
        {"$PORT", "$PORT"},
        {"${PORT}", "${PORT}"},
        {"$", "$"},
        {"cost 5$", "cost 5$"},
        {"$$", "$"},
        {"$(PORT", "$(PORT"},
        {"$(", "$("},
        {"$()", "$()"},
        {"$($(PORT))", "$($(PORT))"},  // the name is "$(PORT", which nobody has
        {"$(PORT)$(PORT", "8080$(PORT"},
    };
    for (const auto& [text, expanded] : table) {
        INFO(text);
        CHECK(expand_variables(text, lookup) == expanded);
    }
}

TEST_CASE("expand: an env value sees the base and the entries before it", "[sluice]") {
    const std::vector<std::pair<std::string, std::string>> entries{
        {"FIRST", "$(PORT)-$(LATER)"}, {"LATER", "x"},      {"SECOND", "$(FIRST)+$(LATER)"},
        {"PORT", "$(PORT)1"},          {"LAST", "$(PORT)"},
    };
    CHECK(expand_env(entries, lookup) == std::vector<std::pair<std::string, std::string>>{
                                             {"FIRST", "8080-$(LATER)"},
                                             {"LATER", "x"},
                                             {"SECOND", "8080-$(LATER)+x"},
                                             {"PORT", "80801"},
                                             {"LAST", "80801"},
                                         });
}
