// Requests and responses as plain values, so that the endpoints know nothing of sockets or parsers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace standin {

struct Header {
    std::string name;  // as received
    std::string value;
};

struct Request {
    std::string method;
    std::string target;  // as received
    std::string path;    // the target before '?'
    std::vector<Header> headers;
    std::string body;
    std::string raw_head;  // every byte up to and including the empty line
    bool is_http_10 = false;
    bool has_body = false;

    // First header of that name, without regard to case; nothing if absent.
    std::optional<std::string> header(std::string_view name) const;
    // First query parameter of that name, percent-decoded.
    std::optional<std::string> query(std::string_view name) const;
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    std::vector<Header> headers;
    std::string body;
};

// Splits the text of a request's head into headers in their order; raw_head must be set.
std::vector<Header> split_headers(std::string_view raw_head);

std::string_view reason_phrase(int status);

// The bytes of a response. A HEAD request gets the same head without the body.
std::string format_response(const Response& response, const Request& request, bool keep_alive);

// Whole number in low..high, or nothing.
std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t low,
                                         std::int64_t high);

}  // namespace standin
