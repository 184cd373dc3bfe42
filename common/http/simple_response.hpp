// Small whole responses that we make ourselves.
#pragma once

#include <string_view>

#include "common/http/exchange.hpp"

namespace common {

struct SimpleResponse {
    int status = 200;
    std::string content_type;  // empty: no field
    std::string body;
    Fields fields;  // more fields
};

awaitable<error_code> respond(Exchange& exchange, SimpleResponse response);
// text/plain; charset=utf-8
awaitable<error_code> respond_text(Exchange& exchange, int status, std::string body);
// As Go's http.Error and so all stock Knative errors: text/plain, nosniff, a newline after the
// message (contract queue-proxy.md 3.1, "plain error").
awaitable<error_code> respond_plain_error(Exchange& exchange, int status, std::string message);

}  // namespace common
