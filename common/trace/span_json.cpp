// The JSON encoding of spans: for people on stdout, and for collectors that want it.
#include <variant>

#include "common/trace/span.hpp"

namespace common {
namespace {

constexpr std::string_view scope = "sluice";
constexpr int status_error = 2;

void append_string(std::string& out, std::string_view text, std::size_t bytes_max) {
    out += '"';
    append_json_escaped(out, text, bytes_max);
    out += '"';
}

void append_attribute(std::string& out, const LogField& field) {
    out += R"({"key":")";
    out += field.key;
    out += R"(","value":{)";
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        out += R"("stringValue":)";
        append_string(out, *text, otlp_text_bytes_max);
    } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
        out += R"("intValue":")" + std::to_string(*integer) + '"';
    } else if (const auto* number = std::get_if<double>(&field.value)) {
        out += R"("doubleValue":)";
        append_json_number(out, *number);
    } else {
        out += R"("boolValue":)";
        out += std::get<bool>(field.value) ? "true" : "false";
    }
    out += "}}";
}

}  // namespace

std::string encode_span_json(const Span& span) {
    std::string out = R"({"traceId":")" + to_hex(span.context.trace);
    out += R"(","spanId":")" + to_hex(span.context.span);
    if (span.parent != 0) out += R"(","parentSpanId":")" + to_hex(span.parent);
    out += '"';
    if (!span.state.empty() && span.state.size() <= span_state_bytes_max) {
        out += R"(,"traceState":)";
        append_string(out, span.state, std::string::npos);
    }
    out += R"(,"name":)";
    append_string(out, span.name, otlp_text_bytes_max);
    out += R"(,"kind":)" + std::to_string(static_cast<int>(span.kind));
    out += R"(,"startTimeUnixNano":")" + std::to_string(span.began);
    out += R"(","endTimeUnixNano":")" + std::to_string(span.ended) + '"';
    out += R"(,"attributes":[)";
    for (std::size_t i = 0; i < span.attributes.size(); ++i) {
        if (i > 0) out += ',';
        append_attribute(out, span.attributes[i]);
    }
    out += "]";
    if (span.failed) out += R"(,"status":{"code":)" + std::to_string(status_error) + '}';
    out += '}';
    return out;
}

std::string encode_spans_json(const OtlpAttributes& resource,
                              const std::vector<std::string>& spans) {
    std::string out = R"({"resourceSpans":[{"resource":{"attributes":[)";
    bool first = true;
    for (const auto& [name, value] : resource) {
        if (!first) out += ',';
        first = false;
        out += R"({"key":)";
        append_string(out, name, otlp_text_bytes_max);
        out += R"(,"value":{"stringValue":)";
        append_string(out, value, otlp_text_bytes_max);
        out += "}}";
    }
    out += R"(]},"scopeSpans":[{"scope":{"name":")";
    out += scope;
    out += R"(","version":")" SLUICE_VERSION R"("},"spans":[)";
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if (i > 0) out += ',';
        out += spans[i];
    }
    out += "]}]}]}";
    return out;
}

}  // namespace common
