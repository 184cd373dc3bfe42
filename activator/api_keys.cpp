#include "activator/api_keys.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace activator {
namespace {

constexpr std::size_t token_bytes_min = 16;
constexpr std::string_view key_field = "X-Api-Key";
constexpr std::string_view authorization = "Authorization";

std::string_view bytes_of(const common::Sha256& hash) {
    return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

std::optional<common::Sha256> parse_hash(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    common::Sha256 hash{};
    if (text.size() != 2 * hash.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char lower =
            text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] + 32) : text[i];
        const auto value = digits.find(lower);
        if (value == std::string_view::npos) return std::nullopt;
        const unsigned shifted = static_cast<unsigned>(hash[i / 2]) << 4;
        hash[i / 2] = static_cast<std::uint8_t>(shifted | value);
    }
    return hash;
}

// The password of "user:password" in base64 (RFC 7617); empty if it is none.
std::string basic_password(std::string_view text) {
    while (text.ends_with('='))
        text.remove_suffix(1);
    std::string url_form(text);
    std::replace(url_form.begin(), url_form.end(), '+', '-');
    std::replace(url_form.begin(), url_form.end(), '/', '_');
    const auto decoded = common::base64url_decode(url_form);
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    return colon == std::string::npos ? std::string() : decoded->substr(colon + 1);
}

// The key that a field shows; empty if it shows none.
std::string key_of(common::Fields::Field field) {
    if (common::equal_ignoring_case(field.name, key_field)) return std::string(field.value);
    if (!common::equal_ignoring_case(field.name, authorization)) return {};
    const std::size_t blank = field.value.find(' ');
    if (blank == std::string_view::npos) return {};
    const std::string_view scheme = field.value.substr(0, blank);
    const std::string_view rest = common::trim_blanks(field.value.substr(blank));
    if (common::equal_ignoring_case(scheme, "Bearer")) return std::string(rest);
    if (common::equal_ignoring_case(scheme, "Basic")) return basic_password(rest);
    return {};
}

}  // namespace

std::optional<ApiKeys> ApiKeys::of_hashes(const std::string& text, std::string& problem) {
    ApiKeys keys;
    std::istringstream lines(text);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        const auto hash = parse_hash(std::string_view(line).substr(0, line.find_first_of(" \t")));
        if (!hash) {
            problem = "line " + std::to_string(number) +
                      ": must begin with the SHA-256 of a key, 64 hexadecimal digits";
            return std::nullopt;
        }
        keys.hashes_.push_back(*hash);
    }
    if (keys.hashes_.empty()) {
        problem = "has no key";
        return std::nullopt;
    }
    return keys;
}

std::optional<ApiKeys> ApiKeys::of_file(const std::string& file, std::string& problem) {
    std::ifstream stream(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    std::string reason = stream.is_open() ? "" : "cannot be read";
    std::optional<ApiKeys> keys;
    if (reason.empty()) keys = of_hashes(text, reason);
    if (!keys) problem = file + ": " + reason;
    return keys;
}

std::optional<ApiKeys> ApiKeys::of_token(const std::string& text, std::string& problem) {
    const std::string_view line = std::string_view(text).substr(0, text.find_first_of("\r\n"));
    if (line.size() < token_bytes_min) {
        problem = "the first line must be a token of at least " + std::to_string(token_bytes_min) +
                  " characters";
        return std::nullopt;
    }
    ApiKeys keys;
    keys.hashes_.push_back(common::sha256(line));
    return keys;
}

bool ApiKeys::knows(std::string_view key) const {
    if (key.empty()) return false;
    const common::Sha256 shown = common::sha256(key);
    bool known = false;
    for (const common::Sha256& hash : hashes_)
        known |= common::equal_in_constant_time(bytes_of(hash), bytes_of(shown));
    return known;
}

bool ApiKeys::admits(const common::Fields& fields) const {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (knows(key_of(fields[i]))) return true;
    }
    return false;
}

void ApiKeys::strip(common::Fields& fields) const {
    for (const std::string_view name : {key_field, authorization}) {
        std::vector<std::string> kept;
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const common::Fields::Field field = fields[i];
            if (common::equal_ignoring_case(field.name, name) && !knows(key_of(field)))
                kept.emplace_back(field.value);
        }
        if (fields.count(name) == kept.size()) continue;
        fields.erase(name);
        for (const std::string& value : kept)
            fields.add(name, value);
    }
}

}  // namespace activator
