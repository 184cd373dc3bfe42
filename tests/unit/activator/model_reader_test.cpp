// Which model a JSON body names, whatever pieces it comes in.
#include "activator/model_reader.hpp"

#include <optional>
#include <string>

#include <catch2/catch.hpp>

namespace activator {
namespace {

// In pieces of every size the same comes out; how many bytes were looked at at most.
ModelKey model_in(const std::string& body, std::string_view path) {
    std::optional<ModelKey> first;
    for (std::size_t size = 1; size <= body.size() + 1; ++size) {
        ModelReader reader(path);
        for (std::size_t at = 0; at < body.size() && !reader.done(); at += size)
            reader.read(std::string_view(body).substr(at, size));
        if (!first) first = reader.model();
        REQUIRE(reader.model() == *first);
    }
    return *first;
}

TEST_CASE("model reader: a field of the body, at any depth", "[activator]") {
    const ModelKey xl = model_key_of("xl.safetensors");
    CHECK(xl != any_model);
    CHECK(model_in(R"({"model":"xl.safetensors"})", "model") == xl);
    CHECK(model_in(R"( {"a":[1,{"model":"no"}],"b":{"model":"no"},"model":"xl.safetensors"})",
                   "model") == xl);
    CHECK(model_in(R"({"prompt":"a \"b\" {","override_settings":{"x":{"sd_model_checkpoint":1},)"
                   R"("sd_model_checkpoint":"xl.safetensors"},"steps":20})",
                   "override_settings.sd_model_checkpoint") == xl);
    CHECK(model_in(R"({"model":"\u0078l.safetensors"})", "model") == xl);
}

TEST_CASE("model reader: numbers are names too", "[activator]") {
    CHECK(model_in(R"({"model":1234567})", "model") == model_key_of("1234567"));
    CHECK(model_in(R"({"model":-7})", "model") == model_key_of("-7"));
    CHECK(model_in(R"({"model":true})", "model") == model_key_of("true"));
}

TEST_CASE("model reader: whatever names none wants any", "[activator]") {
    for (const std::string body :
         {"", "{}", "not json", "\"model\"", "[{\"model\":\"x\"}]", R"({"model":null})",
          R"({"model":{"name":"x"}})", R"({"model":["x"]})", R"({"model":""})", R"({"other":"x"})",
          R"({"model":"x)", R"({"Model":"x"})"}) {
        CAPTURE(body);
        CHECK(model_in(body, "model") == any_model);
    }
    CHECK(model_in(R"({"a":"b"})", "a.b") == any_model);
    CHECK(model_in(R"({"a":{"c":1},"a2":{"b":"x"}})", "a.b") == any_model);
    CHECK(model_in(R"({"model":")" + std::string(1025, 'x') + "\"}", "model") == any_model);
    CHECK(model_in(R"({"model":")" + std::string(1024, 'x') + "\"}", "model") ==
          model_key_of(std::string(1024, 'x')));
}

TEST_CASE("model reader: it stops at the field, and where the field cannot come any more",
          "[activator]") {
    ModelReader reader("a.b");
    reader.read(R"({"a":{"b":"x")");
    CHECK(reader.done());
    CHECK(reader.model() == model_key_of("x"));
    ModelReader passed("a.b");
    passed.read(R"({"a":{"c":"x"})");
    CHECK(passed.done());
    CHECK(passed.model() == any_model);
}

}  // namespace
}  // namespace activator
