#include "common/otlp/message.hpp"

#include "common/core/utf8.hpp"

namespace common {
namespace {

using protozero::pbf_writer;

// KeyValue.
constexpr ProtoField key = 1;
constexpr ProtoField any_value = 2;

}  // namespace

void add_text(pbf_writer& message, ProtoField field, std::string_view text) {
    message.add_string(field, valid_utf8(text, otlp_text_bytes_max));
}

void add_attribute(pbf_writer& message, ProtoField field, std::string_view name,
                   std::string_view value) {
    pbf_writer attribute(message, field);
    add_text(attribute, key, name);
    pbf_writer any(attribute, any_value);
    add_text(any, 1, value);
}

void add_attribute(pbf_writer& message, ProtoField field, std::string_view name,
                   std::int64_t value) {
    pbf_writer attribute(message, field);
    add_text(attribute, key, name);
    pbf_writer any(attribute, any_value);
    any.add_int64(3, value);
}

void add_attribute(pbf_writer& message, ProtoField field, std::string_view name, double value) {
    pbf_writer attribute(message, field);
    add_text(attribute, key, name);
    pbf_writer any(attribute, any_value);
    any.add_double(4, value);
}

void add_attribute(pbf_writer& message, ProtoField field, std::string_view name, bool value) {
    pbf_writer attribute(message, field);
    add_text(attribute, key, name);
    pbf_writer any(attribute, any_value);
    any.add_bool(2, value);
}

void add_resource(pbf_writer& message, const OtlpAttributes& resource) {
    pbf_writer made(message, 1);
    for (const auto& [name, value] : resource)
        add_attribute(made, 1, name, std::string_view(value));
}

void add_scope(pbf_writer& message, std::string_view scope) {
    pbf_writer made(message, 1);
    add_text(made, 1, scope.empty() ? "sluice" : scope);
    if (scope.empty()) add_text(made, 2, SLUICE_VERSION);
}

}  // namespace common
