// See the header. Numbers that are whole are taken in either JSON form (20 and 20.0); null means
// the default. Limits are those of the interface (1..4096 pixels, issue 2 point 7) or, where it has
// none, bounds on what one request can cost this process.
#include "tests/sd_standin/generation_request.hpp"

#include <zlib.h>

#include <cmath>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace standin {
namespace {

using nlohmann::json;

constexpr int deepest_json = 64;                  // dump() recurses
constexpr std::int64_t most_pixels = 64LL << 20;  // of all images of one request
constexpr double whole_double_limit = 9.0e15;     // beyond, doubles skip whole numbers

json default_parameters() {
    return {{"prompt", ""},       {"negative_prompt", ""}, {"seed", -1},
            {"steps", 20},        {"width", 512},          {"height", 512},
            {"batch_size", 1},    {"n_iter", 1},           {"cfg_scale", 7.0},
            {"sampler_name", ""}, {"send_images", true},   {"save_images", false},
            {"styles", nullptr},  {"subseed", -1},         {"override_settings", json::object()}};
}

// Reads typed fields of one object and keeps the first problem.
class Fields {
  public:
    explicit Fields(const json& object) : object_(object) {}

    void read(const char* name, std::string& out) {
        const json* value = find(name);
        if (value == nullptr) return;
        if (!value->is_string()) return complain(name, "str type expected");
        out = value->get<std::string>();
    }
    void read(const char* name, bool& out) {
        const json* value = find(name);
        if (value == nullptr) return;
        if (!value->is_boolean()) return complain(name, "value could not be parsed to a boolean");
        out = value->get<bool>();
    }
    void read(const char* name, double& out) {
        const json* value = find(name);
        if (value == nullptr) return;
        if (!value->is_number()) return complain(name, "value is not a valid float");
        out = value->get<double>();
    }
    void read(const char* name, std::int64_t& out, std::int64_t low, std::int64_t high) {
        const json* value = find(name);
        if (value == nullptr) return;
        const std::optional<std::int64_t> whole = whole_number(*value);
        if (!whole) return complain(name, "value is not a valid integer");
        if (*whole < low || *whole > high) {
            return complain(name, "ensure this value is in " + std::to_string(low) + ".." +
                                      std::to_string(high));
        }
        out = *whole;
    }
    // Null when the field is absent or null.
    const json* find(const char* name) const {
        const auto found = object_.find(name);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }
    void complain(const std::string& name, const std::string& message) {
        if (!problem_) problem_ = field_error(name, message);
    }
    const std::optional<BadRequest>& problem() const { return problem_; }

  private:
    static std::optional<std::int64_t> whole_number(const json& value) {
        if (value.is_number_unsigned() && value.get<std::uint64_t>() >> 63 != 0) return {};
        if (value.is_number_integer()) return value.get<std::int64_t>();
        if (!value.is_number_float()) return {};
        const double number = value.get<double>();
        if (std::nearbyint(number) != number || std::abs(number) > whole_double_limit) return {};
        return static_cast<std::int64_t>(number);
    }

    const json& object_;
    std::optional<BadRequest> problem_;
};

void read_crash(Fields& fields, Crash& crash) {
    const json* value = fields.find("crash");
    if (value == nullptr || *value == 0 || *value == false) return;
    if (*value == 1 || *value == true || *value == "1") {
        crash = Crash::at_once;
    } else if (*value == "mid") {
        crash = Crash::mid_job;
    } else {
        fields.complain("crash", "1 or \"mid\" expected");
    }
}

// The web UI answers 404 for a missing source picture.
std::optional<BadRequest> read_source(const Fields& fields, std::uint32_t& source) {
    const json* images = fields.find("init_images");
    if (images == nullptr || (images->is_array() && images->empty())) {
        return BadRequest{404, R"({"detail":"Init image not found"})"};
    }
    if (!images->is_array() || !images->front().is_string()) {
        return field_error("init_images", "a list of base64 strings expected");
    }
    const auto& text = images->front().get_ref<const std::string&>();
    source = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
    return std::nullopt;
}

std::string echoed_parameters(const json& body) {
    json parameters = default_parameters();
    parameters.update(body);
    for (const char* large : {"init_images", "mask"}) {  // as without include_init_images
        if (parameters.contains(large)) parameters[large] = nullptr;
    }
    return parameters.dump();
}

}  // namespace

BadRequest field_error(const std::string& field, const std::string& message) {
    const json detail = {{"loc", {"body", field}}, {"msg", message}, {"type", "value_error"}};
    return {422, json({{"detail", json::array({detail})}}).dump()};
}

std::variant<json, BadRequest> parse_json(const std::string& text) {
    bool too_deep = false;
    const auto check_depth = [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > deepest_json;
        return !too_deep;
    };
    std::string problem;
    try {
        json parsed = json::parse(text, check_depth);
        if (!too_deep) return parsed;
        problem = "nested too deeply";
    } catch (const json::parse_error& error) {
        problem = "JSON decode error at byte " + std::to_string(error.byte);
    }
    const json detail = {{"loc", {"body"}}, {"msg", problem}, {"type", "value_error.jsondecode"}};
    return BadRequest{422, json({{"detail", json::array({detail})}}).dump()};
}

std::variant<GenerationRequest, BadRequest> parse_generation(const std::string& kind,
                                                             const std::string& body) {
    auto parsed = parse_json(body);
    if (auto* bad = std::get_if<BadRequest>(&parsed)) return std::move(*bad);
    const json& object = std::get<json>(parsed);
    if (!object.is_object()) {
        return BadRequest{422, R"({"detail":[{"loc":["body"],"msg":"an object is expected",)"
                               R"("type":"type_error.dict"}]})"};
    }
    GenerationRequest request;
    request.kind = kind;
    Fields fields(object);
    fields.read("prompt", request.prompt);
    fields.read("negative_prompt", request.negative_prompt);
    fields.read("sampler_name", request.sampler_name);
    fields.read("seed", request.seed, -1, 1LL << 62);
    fields.read("steps", request.steps, 1, 10'000);
    fields.read("width", request.width, 1, 4096);
    fields.read("height", request.height, 1, 4096);
    fields.read("batch_size", request.batch_size, 1, 64);
    fields.read("n_iter", request.n_iter, 1, 100);
    fields.read("cfg_scale", request.cfg_scale);
    fields.read("send_images", request.send_images);
    read_crash(fields, request.crash);
    const std::int64_t pixels = request.width * request.height * request.batch_size;
    if (pixels > most_pixels / request.n_iter) {
        fields.complain("batch_size", "more than 64 megapixels in one request");
    }
    if (fields.problem()) return *fields.problem();
    if (kind == "img2img") {
        if (auto bad = read_source(fields, request.source)) return std::move(*bad);
    }
    request.parameters = echoed_parameters(object);
    return request;
}

}  // namespace standin
