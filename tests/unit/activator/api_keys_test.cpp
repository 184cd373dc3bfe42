// Who shows a key, in which form, and what is left of the head then.
#include "activator/api_keys.hpp"

#include <catch2/catch.hpp>

namespace activator {
namespace {

using common::Fields;

// printf %s key-one-of-16-or-more | sha256sum
const std::string key = "key-one-of-16-or-more";

std::string hash_of(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const std::uint8_t byte : common::sha256(text)) {
        hex += digits[byte >> 4];
        hex += digits[byte & 15];
    }
    return hex;
}

ApiKeys keys_of(const std::string& text) {
    std::string problem;
    std::optional<ApiKeys> keys = ApiKeys::of_hashes(text, problem);
    REQUIRE(problem.empty());
    return *keys;
}

std::string problem_of(const std::string& text) {
    std::string problem;
    CHECK_FALSE(ApiKeys::of_hashes(text, problem).has_value());
    return problem;
}

Fields fields_of(std::initializer_list<Fields::Field> list) {
    Fields fields;
    for (const Fields::Field& field : list)
        fields.add(field.name, field.value);
    return fields;
}

TEST_CASE("api keys: SHA-256 is SHA-256", "[activator]") {
    // FIPS 180-2, B.1.
    CHECK(hash_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("api keys: the file's form", "[activator]") {
    const std::string line = hash_of(key);
    std::string upper = line;
    for (char& c : upper)
        c = c >= 'a' ? static_cast<char>(c - 32) : c;
    for (const std::string& text :
         {line, line + "\n", line + "  -\n", "# x\n\n" + line + "\tAlice\r\n", upper})
        CHECK(keys_of(text).admits(fields_of({{"X-Api-Key", key}})));
    CHECK(problem_of("") == "has no key");
    CHECK(problem_of("# only\n") == "has no key");
    for (const std::string& bad :
         {line.substr(1), line + "0", "g" + line.substr(1), " " + line, key})
        CHECK(problem_of(line + "\n" + bad).starts_with("line 2: "));
}

TEST_CASE("api keys: each form of showing one", "[activator]") {
    const ApiKeys keys = keys_of(hash_of("other-key-of-16-chars") + "\n" + hash_of(key));
    CHECK(keys.admits(fields_of({{"authorization", "Bearer " + key}})));
    CHECK(keys.admits(fields_of({{"Authorization", "bearer   " + key}})));
    CHECK(keys.admits(fields_of({{"X-API-KEY", key}})));
    CHECK(keys.admits(fields_of({{"Authorization", "Basic dTprZXktb25lLW9mLTE2LW9yLW1vcmU="}})));
    CHECK(keys.admits(
        fields_of({{"Authorization", "Bearer no"}, {"Authorization", "Bearer " + key}})));
    for (const std::string& value : std::initializer_list<std::string>{
             "", key, "Bearer", "Bearer ", "Bearer" + key, "Bearer " + key + "x", "Basic " + key,
             "Basic dTo=", "Basic dQ", "Digest " + key})
        CHECK_FALSE(keys.admits(fields_of({{"Authorization", value}})));
    CHECK_FALSE(keys.admits(fields_of({{"X-Api-Key", hash_of(key)}})));
    CHECK_FALSE(keys.admits(fields_of({{"X-Key", key}})));
    CHECK_FALSE(keys.admits({}));
}

TEST_CASE("api keys: what holds a key goes, the rest stays", "[activator]") {
    const ApiKeys keys = keys_of(hash_of(key));
    Fields fields = fields_of({{"Authorization", "Bearer " + key},
                               {"Authorization", "Bearer of-the-application"},
                               {"X-Api-Key", key},
                               {"Cookie", "a=b"}});
    keys.strip(fields);
    CHECK(fields.joined("Authorization") == "Bearer of-the-application");
    CHECK_FALSE(fields.has("X-Api-Key"));
    CHECK(fields.get("Cookie") == "a=b");
    Fields untouched = fields_of({{"X-Api-Key", "mine"}, {"Authorization", "Basic x"}});
    keys.strip(untouched);
    CHECK(untouched.size() == 2);
}

TEST_CASE("api keys: a token is the first line of its file", "[activator]") {
    std::string problem;
    const auto token = ApiKeys::of_token(key + "\r\nmore\n", problem);
    REQUIRE(token.has_value());
    CHECK(token->admits(fields_of({{"Authorization", "Bearer " + key}})));
    CHECK_FALSE(ApiKeys::of_token("fifteen-letters\n", problem).has_value());
    CHECK_FALSE(problem.empty());
}

}  // namespace
}  // namespace activator
