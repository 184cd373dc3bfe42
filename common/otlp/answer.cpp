#include "common/otlp/answer.hpp"

#include <array>

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

#include "common/core/parse.hpp"
#include "common/core/utf8.hpp"
#include "common/crypto/digests.hpp"

namespace common {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::tag_and_type;
using Outcome = OtlpAnswer::Outcome;

constexpr std::int64_t after_max = 3600;  // seconds: a longer pause is none of ours
// A flag byte (0: not compressed) and the message's length, big-endian.
constexpr std::size_t frame_head_bytes = 5;
constexpr std::size_t reason_bytes_max = 200;

// OTLP: these may go better later; another status from 400 on is a fault of ours.
bool may_pass(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

// The same of gRPC's codes. RESOURCE_EXHAUSTED only if the collector says when.
bool may_pass_grpc(std::int64_t code, bool told_when) {
    constexpr std::int64_t resource_exhausted = 8;
    constexpr std::array<std::int64_t, 6> transient = {1, 4, 10, 11, 14, 15};
    for (const std::int64_t one : transient) {
        if (code == one) return true;
    }
    return code == resource_exhausted && told_when;
}

std::optional<Duration> retry_after(const ResponseHead& head) {
    const auto seconds = parse_int(head.fields.get("Retry-After"));
    if (!seconds || *seconds < 0 || *seconds > after_max) return std::nullopt;
    return std::chrono::seconds(*seconds);
}

pbf_reader reader_of(std::string_view bytes) {
    return pbf_reader(protozero::data_view(bytes.data(), bytes.size()));
}

std::string_view view_of(pbf_reader& reader) {
    const protozero::data_view view = reader.get_view();
    return {view.data(), view.size()};
}

// The first field `id` that is a message or a text; empty if there is none.
std::string_view inside(std::string_view message, protozero::pbf_tag_type id) {
    pbf_reader reader = reader_of(message);
    if (!reader.next(id, pbf_wire_type::length_delimited)) return {};
    return view_of(reader);
}

// google.protobuf.Duration.
std::optional<Duration> duration_of(std::string_view message) {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    pbf_reader reader = reader_of(message);
    while (reader.next()) {
        switch (reader.tag_and_type()) {
            case tag_and_type(1, pbf_wire_type::varint):
                seconds = reader.get_int64();
                break;
            case tag_and_type(2, pbf_wire_type::varint):
                nanoseconds = reader.get_int32();
                break;
            default:
                reader.skip();
        }
    }
    if (seconds < 0 || seconds > after_max || nanoseconds < 0 || nanoseconds >= 1'000'000'000)
        return std::nullopt;
    return std::chrono::seconds(seconds) + Duration(nanoseconds);
}

// Of google.rpc.Status, in base64: the RetryInfo among its details.
std::optional<Duration> retry_info(std::string_view status_details) {
    std::string padded(status_details);  // gRPC leaves the padding to the sender
    padded.resize((padded.size() + 3) / 4 * 4, '=');
    const std::optional<std::string> status = base64_decode(padded);
    if (!status) return std::nullopt;
    try {
        pbf_reader reader = reader_of(*status);
        while (reader.next(3, pbf_wire_type::length_delimited)) {
            const std::string_view detail = view_of(reader);
            if (!inside(detail, 1).ends_with("/google.rpc.RetryInfo")) continue;
            return duration_of(inside(inside(detail, 2), 1));
        }
    } catch (const protozero::exception&) {  // no such message: it says nothing
    }
    return std::nullopt;
}

// "" or what ExportTracePartialSuccess or ExportMetricsPartialSuccess says.
std::string partial_success(std::string_view response) {
    std::int64_t rejected = 0;
    std::string said;
    try {
        pbf_reader reader = reader_of(inside(response, 1));
        while (reader.next()) {
            switch (reader.tag_and_type()) {
                case tag_and_type(1, pbf_wire_type::varint):
                    rejected = reader.get_int64();
                    break;
                case tag_and_type(2, pbf_wire_type::length_delimited):
                    said = valid_utf8(view_of(reader), reason_bytes_max);
                    break;
                default:
                    reader.skip();
            }
        }
    } catch (const protozero::exception&) {
        return {};  // JSON, or anything: the status says that it was taken
    }
    if (rejected <= 0) return {};
    return "did not take " + std::to_string(rejected) + (said.empty() ? said : ": " + said);
}

std::string_view unframed(std::string_view body) {
    return body.size() < frame_head_bytes ? std::string_view() : body.substr(frame_head_bytes);
}

}  // namespace

std::string grpc_frame(std::string_view message) {
    std::string framed(1, '\0');
    framed.reserve(frame_head_bytes + message.size());
    for (int shift = 24; shift >= 0; shift -= 8)
        framed += static_cast<char>(message.size() >> shift & 0xff);
    framed += message;
    return framed;
}

OtlpAnswer otlp_http_answer(const ResponseHead& head, std::string_view body) {
    if (head.status >= 200 && head.status <= 299)
        return {Outcome::sent, partial_success(body), std::nullopt};
    return {may_pass(head.status) ? Outcome::failed : Outcome::refused,
            "answered " + std::to_string(head.status), retry_after(head)};
}

OtlpAnswer otlp_grpc_answer(const ResponseHead& head, const Fields& trailers,
                            std::string_view body) {
    // A call that ends at once has no trailers: all is in its head.
    const Fields& end = head.fields.has("grpc-status") ? head.fields : trailers;
    if (head.status != 200) return otlp_http_answer(head, {});
    const std::optional<std::int64_t> code = parse_int(end.get("grpc-status"));
    if (!code) return {Outcome::refused, "is no gRPC server: no grpc-status came", std::nullopt};
    if (*code == 0) return {Outcome::sent, partial_success(unframed(body)), std::nullopt};
    OtlpAnswer answer;
    answer.after = retry_info(end.get("grpc-status-details-bin"));
    answer.outcome =
        may_pass_grpc(*code, answer.after.has_value()) ? Outcome::failed : Outcome::refused;
    answer.reason = "answered gRPC status " + std::to_string(*code);
    const std::string said = valid_utf8(end.get("grpc-message"), reason_bytes_max);
    if (!said.empty()) answer.reason += ": " + said;
    return answer;
}

}  // namespace common
