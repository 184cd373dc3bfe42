// The two messages of gRPC's health check (grpc.health.v1), each in gRPC's five-byte frame.
#pragma once

#include <string>
#include <string_view>

namespace proxy {

// HealthCheckRequest for `service` ("": the whole server).
std::string health_check_request(std::string_view service);
// True if `body` is one HealthCheckResponse that says SERVING. Never throws.
bool says_serving(std::string_view body);

}  // namespace proxy
