// The PNG that this program writes by hand, read back by libpng; and base64.
#include "tests/sd_standin/picture.hpp"

#include <png.h>

#include <cstring>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sd_standin/base64.hpp"

namespace {

struct Decoded {
    bool ok = false;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::vector<unsigned char> pixels;
};

Decoded decode(const std::string& file) {
    Decoded decoded;
    png_image image;
    std::memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image, file.data(), file.size()) == 0) return decoded;
    image.format = PNG_FORMAT_RGB;
    decoded.width = image.width;
    decoded.height = image.height;
    decoded.pixels.resize(PNG_IMAGE_SIZE(image));
    decoded.ok = png_image_finish_read(&image, nullptr, decoded.pixels.data(), 0, nullptr) != 0 &&
                 image.warning_or_error == 0;
    return decoded;
}

standin::Picture picture_of(const std::string& prompt, std::int64_t seed) {
    standin::Picture picture;
    picture.prompt = prompt;
    picture.seed = seed;
    picture.width = 64;
    picture.height = 48;
    return picture;
}

}  // namespace

TEST_CASE("picture: decodes with libpng to the size that was asked for", "[sd_standin]") {
    const std::pair<std::uint32_t, std::uint32_t> sizes[] = {
        {512, 512}, {1, 1}, {1, 7}, {7, 1}, {33, 65}, {4096, 3}, {3, 4096}};
    for (const auto& [width, height] : sizes) {
        standin::Picture picture = picture_of("pretty dog", 7);
        picture.width = width;
        picture.height = height;
        picture.parameters = "pretty dog\nSteps: 20";
        const Decoded decoded = decode(standin::draw_png(picture));
        CAPTURE(width, height);
        REQUIRE(decoded.ok);
        REQUIRE(decoded.width == width);
        REQUIRE(decoded.height == height);
    }
}

TEST_CASE("picture: the same prompt and seed give the same bytes, others give others",
          "[sd_standin]") {
    const std::string first = standin::draw_png(picture_of("pretty dog", 1));
    REQUIRE(first == standin::draw_png(picture_of("pretty dog", 1)));
    REQUIRE(first != standin::draw_png(picture_of("pretty dog", 2)));
    REQUIRE(first != standin::draw_png(picture_of("pretty cat", 1)));
    standin::Picture from_source = picture_of("pretty dog", 1);
    from_source.source = 99;
    REQUIRE(first != standin::draw_png(from_source));
}

TEST_CASE("picture: is a picture, not one colour", "[sd_standin]") {
    const Decoded decoded = decode(standin::draw_png(picture_of("pretty dog", 3)));
    REQUIRE(decoded.ok);
    int different = 0;
    for (std::size_t i = 3; i < decoded.pixels.size(); ++i) {
        different += decoded.pixels[i] != decoded.pixels[i % 3] ? 1 : 0;
    }
    REQUIRE(different > static_cast<int>(decoded.pixels.size() / 2));
}

TEST_CASE("picture: an unfinished one is the finished one with noise", "[sd_standin]") {
    standin::Picture picture = picture_of("pretty dog", 3);
    const auto distance_at = [&](double finished) {
        picture.finished = 1;
        const Decoded whole = decode(standin::draw_png(picture));
        picture.finished = finished;
        const Decoded part = decode(standin::draw_png(picture));
        REQUIRE(part.ok);
        long distance = 0;
        for (std::size_t i = 0; i < whole.pixels.size(); ++i) {
            distance += std::abs(whole.pixels[i] - part.pixels[i]);
        }
        return distance;
    };
    REQUIRE(distance_at(0.9) > 0);
    REQUIRE(distance_at(0.9) < distance_at(0.5));
    REQUIRE(distance_at(0.5) < distance_at(0.0));
}

TEST_CASE("base64: the test vectors of RFC 4648 section 10, and bytes over 127", "[sd_standin]") {
    using standin::encode_base64;
    REQUIRE(encode_base64("").empty());
    REQUIRE(encode_base64("f") == "Zg==");
    REQUIRE(encode_base64("fo") == "Zm8=");
    REQUIRE(encode_base64("foo") == "Zm9v");
    REQUIRE(encode_base64("foob") == "Zm9vYg==");
    REQUIRE(encode_base64("fooba") == "Zm9vYmE=");
    REQUIRE(encode_base64("foobar") == "Zm9vYmFy");
    REQUIRE(encode_base64("\xff\xfe\xfd") == "//79");
}
