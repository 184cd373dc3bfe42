// What OTLP's messages have in common, in protobuf's encoding (opentelemetry-proto 1.x; its field
// numbers stand where they are used). Texts are cut, and made UTF-8: a collector refuses a whole
// message for one string that is not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <protozero/pbf_writer.hpp>

namespace common {

// Names and values; a resource's have service.name among them.
using OtlpAttributes = std::vector<std::pair<std::string, std::string>>;

// Texts of clients are bounded, so that a message is: longer values are cut.
inline constexpr std::size_t otlp_text_bytes_max = 256;

using ProtoField = protozero::pbf_tag_type;

void add_text(protozero::pbf_writer& message, ProtoField field, std::string_view text);
// One KeyValue each.
void add_attribute(protozero::pbf_writer& message, ProtoField field, std::string_view name,
                   std::string_view value);
void add_attribute(protozero::pbf_writer& message, ProtoField field, std::string_view name,
                   std::int64_t value);
void add_attribute(protozero::pbf_writer& message, ProtoField field, std::string_view name,
                   double value);
void add_attribute(protozero::pbf_writer& message, ProtoField field, std::string_view name,
                   bool value);
// Field 1 of ResourceSpans and of ResourceMetrics.
void add_resource(protozero::pbf_writer& message, const OtlpAttributes& resource);
// Field 1 of ScopeSpans and of ScopeMetrics; `scope` empty: it is ours, with our version.
void add_scope(protozero::pbf_writer& message, std::string_view scope);

}  // namespace common
