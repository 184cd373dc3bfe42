// The protobuf encoding of spans; field numbers are opentelemetry-proto's.
#include <variant>

#include "common/core/utf8.hpp"
#include "common/otlp/message.hpp"
#include "common/trace/span.hpp"

namespace common {
namespace {

using protozero::pbf_writer;

constexpr int status_error = 2;

std::string id_bytes(std::uint64_t word) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes += static_cast<char>(word >> shift & 0xff);
    return bytes;
}

void add_groups(pbf_writer request, const OtlpAttributes& resource,
                const std::vector<std::string>& spans) {
    pbf_writer group(request, 1);
    add_resource(group, resource);
    pbf_writer scoped(group, 2);
    add_scope(scoped, {});
    for (const std::string& span : spans)
        scoped.add_message(2, span);
}

void write_span(pbf_writer out, const Span& span) {
    out.add_bytes(1, id_bytes(span.context.trace.high) + id_bytes(span.context.trace.low));
    out.add_bytes(2, id_bytes(span.context.span));
    if (!span.state.empty() && span.state.size() <= span_state_bytes_max)
        out.add_string(3, valid_utf8(span.state, span_state_bytes_max));
    if (span.parent != 0) out.add_bytes(4, id_bytes(span.parent));
    add_text(out, 5, span.name);
    out.add_enum(6, static_cast<int>(span.kind));
    out.add_fixed64(7, static_cast<std::uint64_t>(span.began));
    out.add_fixed64(8, static_cast<std::uint64_t>(span.ended));
    for (const LogField& field : span.attributes) {
        const auto add = [&](auto value) { add_attribute(out, 9, field.key, value); };
        std::visit(add, field.value);
    }
    if (!span.failed) return;
    pbf_writer status(out, 15);
    status.add_enum(3, status_error);
}

}  // namespace

std::string encode_span_protobuf(const Span& span) {
    std::string out;
    write_span(pbf_writer(out), span);
    return out;
}

std::string encode_spans_protobuf(const OtlpAttributes& resource,
                                  const std::vector<std::string>& spans) {
    std::string out;
    add_groups(pbf_writer(out), resource, spans);
    return out;
}

}  // namespace common
