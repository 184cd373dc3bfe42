// The model's name in a request's body: cut anywhere, the same; and what a whole JSON document says
// there is what another reader finds. First line: the path of the field; the rest: the body.
#include <string>

#include <nlohmann/json.hpp>

#include "activator/model_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using activator::any_model;
using activator::ModelKey;
using activator::ModelReader;
using nlohmann::json;

constexpr std::size_t name_bytes_max = 1024;

ModelKey read_in_pieces(std::string_view path, std::string_view body, std::size_t piece) {
    ModelReader reader(path);
    for (std::size_t at = 0; at < body.size(); at += piece)
        reader.read(body.substr(at, piece));
    return reader.model();
}

std::size_t keys_in(const json& value) {
    std::size_t n = value.is_object() ? value.size() : 0;
    if (value.is_structured()) {
        for (const json& member : value)
            n += keys_in(member);
    }
    return n;
}

// The value at the path; null if there is none.
json value_at(const json& document, std::string_view path) {
    const json* value = &document;
    while (true) {
        const std::size_t dot = path.find('.');
        if (!value->is_object()) return nullptr;
        const auto found = value->find(path.substr(0, dot));
        if (found == value->end()) return nullptr;
        value = &*found;
        if (dot == std::string_view::npos) return *value;
        path.remove_prefix(dot + 1);
    }
}

// As the other reader has it. Of names that stand twice each reader takes its own; numbers it has
// by value, and ours by their text.
void require_agreement(std::string_view path, std::string_view body, ModelKey model) {
    std::size_t keys = 0;
    std::size_t depth_max = 0;
    const auto look = [&](int depth, json::parse_event_t event, const json&) {
        keys += event == json::parse_event_t::key ? 1 : 0;
        depth_max = std::max(depth_max, static_cast<std::size_t>(depth));
        return true;
    };
    const json document = json::parse(body, look, false);
    if (document.is_discarded() || keys != keys_in(document) || depth_max > 30) return;
    const json value = value_at(document, path);
    if (value.is_number()) return;
    std::string name;
    if (value.is_string()) name = value.get<std::string>();
    if (value.is_boolean()) name = value.get<bool>() ? "true" : "false";
    if (name.size() > name_bytes_max) name.clear();
    HOLDS(model == activator::model_key_of(name));
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::string_view path = input.line();
    const std::string_view body = input.rest();
    ModelReader whole(path);
    whole.read(body);
    HOLDS(whole.done() || whole.model() == any_model);
    HOLDS(read_in_pieces(path, body, 1) == whole.model());
    HOLDS(read_in_pieces(path, body, 7) == whole.model());
    require_agreement(path, body, whole.model());
    return 0;
}
