// What does a txt2img or img2img body ask for? Validation only; nothing is drawn here.
//
// Wrong input gives the web framework's form of error: 422 and
// {"detail":[{"loc":["body",FIELD],…}]}. Unknown fields are accepted and echoed, as the web UI's
// API takes them from its extensions.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include <nlohmann/json_fwd.hpp>

namespace standin {

enum class Crash { never, at_once, mid_job };

struct GenerationRequest {
    std::string kind;  // "txt2img" or "img2img"
    std::string prompt;
    std::string negative_prompt;
    std::string sampler_name;
    std::int64_t seed = -1;
    std::int64_t steps = 20;
    std::int64_t width = 512;
    std::int64_t height = 512;
    std::int64_t batch_size = 1;
    std::int64_t n_iter = 1;
    double cfg_scale = 7;
    std::uint32_t source = 0;  // checksum of the first init image
    bool send_images = true;
    Crash crash = Crash::never;  // body field "crash": 1 or "mid"
    std::string parameters;      // JSON: defaults overlaid with the body, to be echoed
};

struct BadRequest {
    int status = 422;
    std::string body;  // JSON
};

// {"detail":[{"loc":["body",field],"msg":message,"type":"value_error"}]}
BadRequest field_error(const std::string& field, const std::string& message);

// Parses JSON of bounded depth; the message says what is wrong and where.
std::variant<nlohmann::json, BadRequest> parse_json(const std::string& text);

std::variant<GenerationRequest, BadRequest> parse_generation(const std::string& kind,
                                                             const std::string& body);

}  // namespace standin
