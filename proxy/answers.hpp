// Every answer that the queue-proxy gives by itself, in one place (contract queue-proxy 3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/http/simple_response.hpp"
#include "proxy/config.hpp"
#include "proxy/core/request_class.hpp"
#include "proxy/core/timeouts.hpp"

namespace proxy {

// "Plain error" of contract 3.1.
common::SimpleResponse plain_error(int status, const std::string& message);
common::SimpleResponse to_response(const ProbeAnswer& answer);
// CONNECT, OPTIONS *, an Expect that we do not know; nothing for any other request (contract 3.7).
std::optional<common::SimpleResponse> answer_to_odd_form(const common::RequestHead& head);
// No room: in the line (contract 3.6.4), for our activator, or in the control lane.
common::SimpleResponse refusal(const RequestClass& what);
common::SimpleResponse timeout_answer();

// "dial tcp 127.0.0.1:8080: connect: connection refused"
std::string dial_error_text(std::uint16_t port, common::error_code error);
std::string error_text(common::error_code error);
// "Request timeout: 2s"
std::string timeout_text(Timeout timeout, const Config& config);

}  // namespace proxy
