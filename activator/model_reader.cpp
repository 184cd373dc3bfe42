#include "activator/model_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>  // nobody else uses the library, so it is compiled here

#include "activator/core/affinity_hash.hpp"

namespace activator {
namespace {

namespace json = boost::json;
using json::error_code;
using json::string_view;

constexpr std::size_t text_max = 1024;

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> names;
    while (true) {
        const std::size_t dot = path.find('.');
        names.emplace_back(path.substr(0, dot));
        if (dot == std::string_view::npos) return names;
        path.remove_prefix(dot + 1);
    }
}

// Follows the path down into the document and stops the parser where it ends, either way. Of the
// open objects the outermost `on_path_` are those that the path goes through.
struct Handler {
    static constexpr std::size_t max_object_size = SIZE_MAX;
    static constexpr std::size_t max_array_size = SIZE_MAX;
    static constexpr std::size_t max_key_size = SIZE_MAX;
    static constexpr std::size_t max_string_size = SIZE_MAX;

    std::vector<std::string> path;
    std::size_t depth = 0;
    std::size_t on_path = 0;
    bool hit = false;  // the path's next name has been read; its value comes
    std::string text;  // of the key or value under way, if it matters
    bool found = false;

    bool stop(error_code& ec) const {
        ec = make_error_code(json::error::incomplete);
        return false;
    }
    bool at_key() const { return depth == on_path && !hit; }
    bool at_value() const { return hit && on_path == path.size(); }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }

    bool on_object_begin(error_code& ec) {
        const bool root = depth == 0;
        if (hit && on_path == path.size()) return stop(ec);
        if (root || hit) ++on_path;
        hit = false;
        ++depth;
        return true;
    }
    bool on_object_end(std::size_t, error_code& ec) {
        if (depth-- == on_path) return stop(ec);
        return true;
    }
    bool on_array_begin(error_code& ec) {
        if (depth == 0 || hit) return stop(ec);
        ++depth;
        return true;
    }
    bool on_array_end(std::size_t, error_code&) {
        --depth;
        return true;
    }

    void add(string_view part) {
        text.append(part.data(), std::min(part.size(), text_max + 1 - text.size()));
    }
    bool on_key_part(string_view part, std::size_t, error_code&) {
        if (at_key()) add(part);
        return true;
    }
    bool on_key(string_view part, std::size_t, error_code&) {
        if (!at_key()) return true;
        add(part);
        hit = text == path[on_path - 1];
        text.clear();
        return true;
    }
    bool on_string_part(string_view part, std::size_t, error_code&) { return part_of_value(part); }
    bool on_string(string_view part, std::size_t, error_code& ec) { return scalar(part, ec); }
    bool on_number_part(string_view part, error_code&) { return part_of_value(part); }
    bool on_int64(std::int64_t, string_view part, error_code& ec) { return scalar(part, ec); }
    bool on_uint64(std::uint64_t, string_view part, error_code& ec) { return scalar(part, ec); }
    bool on_double(double, string_view part, error_code& ec) { return scalar(part, ec); }
    bool on_bool(bool value, error_code& ec) { return scalar(value ? "true" : "false", ec); }
    bool on_null(error_code& ec) { return hit ? stop(ec) : true; }
    bool on_comment_part(string_view, error_code&) { return true; }
    bool on_comment(string_view, error_code&) { return true; }

    bool part_of_value(string_view part) {
        if (at_value()) add(part);
        return true;
    }
    bool scalar(string_view part, error_code& ec) {
        if (!hit) return true;
        if (!at_value()) return stop(ec);  // the path goes on through a plain value
        add(part);
        found = text.size() <= text_max;
        return stop(ec);
    }
};

}  // namespace

ModelKey model_key_of(std::string_view name) {
    return name.empty() ? any_model : std::max<ModelKey>(stable_hash(name), any_model + 1);
}

struct ModelReader::Parser {
    explicit Parser(std::string_view path) : json({}) { json.handler().path = split(path); }
    json::basic_parser<Handler> json;
    bool done = false;
};

ModelReader::ModelReader(std::string_view path) : parser_(std::make_unique<Parser>(path)) {}
ModelReader::~ModelReader() = default;

void ModelReader::read(std::string_view bytes) {
    if (parser_->done) return;
    error_code ec;
    parser_->json.write_some(true, bytes.data(), bytes.size(), ec);
    parser_->done = ec.failed() || parser_->json.done();
}

bool ModelReader::done() const {
    return parser_->done;
}

ModelKey ModelReader::model() const {
    const Handler& handler = parser_->json.handler();
    return handler.found ? model_key_of(handler.text) : any_model;
}

}  // namespace activator
