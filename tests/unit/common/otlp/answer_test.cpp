// What a collector says, and what it does not get to say.
#include "common/otlp/answer.hpp"

#include <catch2/catch.hpp>

#include "common/crypto/digests.hpp"

namespace common {
namespace {

using namespace std::chrono_literals;
using Outcome = OtlpAnswer::Outcome;

ResponseHead head_of(int status, const Fields& fields = {}) {
    ResponseHead head;
    head.status = status;
    head.fields = fields;
    return head;
}

Fields fields_of(std::initializer_list<std::pair<const char*, std::string>> entries) {
    Fields fields;
    for (const auto& [name, value] : entries)
        fields.add(name, value);
    return fields;
}

// google.rpc.Status with a RetryInfo of `seconds` and `nanoseconds`, by hand.
std::string retry_details(char seconds, std::string nanoseconds = {}) {
    const std::string type = "type.googleapis.com/google.rpc.RetryInfo";
    const std::string delay = std::string("\x08") + seconds + nanoseconds;
    const std::string info = std::string("\x0a") + static_cast<char>(delay.size()) + delay;
    const std::string any = "\x0a" + std::string(1, static_cast<char>(type.size())) + type +
                            "\x12" + static_cast<char>(info.size()) + info;
    const std::string status = "\x08\x08\x1a" + std::string(1, static_cast<char>(any.size())) + any;
    std::string text = base64_encode(status);
    while (text.ends_with('='))
        text.pop_back();
    return text;
}

OtlpAnswer grpc(std::string status, std::string details = {}) {
    return otlp_grpc_answer(
        head_of(200),
        fields_of({{"grpc-status", std::move(status)}, {"grpc-status-details-bin", details}}), {});
}

}  // namespace

TEST_CASE("otlp answer: which statuses may pass", "[common][otlp]") {
    for (const int status : {200, 202, 204})
        CHECK(otlp_http_answer(head_of(status), {}).outcome == Outcome::sent);
    for (const int status : {429, 502, 503, 504}) {
        const OtlpAnswer answer = otlp_http_answer(head_of(status), {});
        CHECK(answer.outcome == Outcome::failed);
        CHECK(answer.reason == "answered " + std::to_string(status));
    }
    for (const int status : {301, 400, 401, 404, 413, 500, 501})
        CHECK(otlp_http_answer(head_of(status), {}).outcome == Outcome::refused);
}

TEST_CASE("otlp answer: Retry-After in seconds counts, if it is sensible", "[common][otlp]") {
    const auto after = [](const char* text) {
        return otlp_http_answer(head_of(503, fields_of({{"Retry-After", text}})), {}).after;
    };
    CHECK(after("7") == 7s);
    CHECK(after("0") == 0s);
    for (const char* text : {"-1", "3601", "x", "", "Fri, 31 Dec 1999 23:59:59 GMT"})
        CHECK_FALSE(after(text));
}

TEST_CASE("otlp answer: gRPC's codes", "[common][otlp]") {
    CHECK(grpc("0").outcome == Outcome::sent);
    for (const char* code : {"1", "4", "10", "11", "14", "15"})
        CHECK(grpc(code).outcome == Outcome::failed);
    for (const char* code : {"2", "3", "5", "7", "8", "12", "13", "16", "99", "-1"})
        CHECK(grpc(code).outcome == Outcome::refused);
    CHECK(grpc("").reason == "is no gRPC server: no grpc-status came");
    CHECK(grpc("14x").outcome == Outcome::refused);
    // One that ends at once says it in the head.
    const Fields said = fields_of({{"grpc-status", "14"}, {"grpc-message", "not\xff now"}});
    const OtlpAnswer at_once = otlp_grpc_answer(head_of(200, said), {}, {});
    CHECK(at_once.outcome == Outcome::failed);
    CHECK(at_once.reason == "answered gRPC status 14: not\xEF\xBF\xBD now");
    CHECK(otlp_grpc_answer(head_of(503), {}, {}).outcome == Outcome::failed);
    CHECK(otlp_grpc_answer(head_of(404), {}, {}).outcome == Outcome::refused);
}

TEST_CASE("otlp answer: a server that is full says when it is not", "[common][otlp]") {
    CHECK(grpc("8", retry_details(5)).outcome == Outcome::failed);
    CHECK(grpc("8", retry_details(5)).after == 5s);
    CHECK(grpc("14", retry_details(1, "\x10\x80\xca\xb5\xee\x01")).after == 1500ms);
    for (const std::string& details :
         {std::string("!!"), std::string("AAAA"), base64_encode("\x1a\x7f"), retry_details(-1)})
        CHECK(grpc("8", details).outcome == Outcome::refused);
}

TEST_CASE("otlp answer: what was taken only in part is said", "[common][otlp]") {
    const std::string part("\x0a\x07\x08\x03\x12\x03old", 9);
    CHECK(otlp_http_answer(head_of(200), part).outcome == Outcome::sent);
    CHECK(otlp_http_answer(head_of(200), part).reason == "did not take 3: old");
    const std::string framed = grpc_frame(part);
    CHECK(framed == std::string("\0\0\0\0\x09", 5) + part);
    const OtlpAnswer answer =
        otlp_grpc_answer(head_of(200), fields_of({{"grpc-status", "0"}}), framed);
    CHECK(answer.reason == "did not take 3: old");
    // A warning without a number is none of a loss; and neither JSON nor rubbish is read as one.
    for (const std::string& body : {std::string("\x0a\x05\x12\x03why"), std::string("{}"),
                                    std::string("\x0a\xff"), std::string()})
        CHECK(otlp_http_answer(head_of(200), body).reason.empty());
}

}  // namespace common
