#include "proxy/grpc_health.hpp"

#include <cstdint>

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace proxy {
namespace {

// A flag byte (0: not compressed) and the message's length, big-endian.
constexpr std::size_t frame_head_bytes = 5;
constexpr int serving = 1;  // ServingStatus.SERVING

}  // namespace

std::string health_check_request(std::string_view service) {
    std::string message;
    protozero::pbf_writer writer(message);
    if (!service.empty()) writer.add_string(1, service.data(), service.size());
    std::string framed(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8)
        framed += static_cast<char>(message.size() >> shift & 0xff);
    return framed + message;
}

bool says_serving(std::string_view body) {
    if (body.size() < frame_head_bytes || body[0] != 0) return false;
    std::uint32_t size = 0;
    for (const char c : body.substr(1, 4))
        size = size << 8 | static_cast<std::uint8_t>(c);
    body.remove_prefix(frame_head_bytes);
    if (body.size() != size) return false;
    int status = 0;
    try {
        protozero::pbf_reader reader(protozero::data_view(body.data(), body.size()));
        while (reader.next()) {
            const bool is_status = reader.tag_and_type() ==
                                   protozero::tag_and_type(1, protozero::pbf_wire_type::varint);
            if (is_status) {
                status = reader.get_enum();
            } else {
                reader.skip();
            }
        }
    } catch (const protozero::exception&) {
        return false;
    }
    return status == serving;
}

}  // namespace proxy
