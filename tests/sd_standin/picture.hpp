// Which picture belongs to a prompt and a seed? A procedural one: same input, same bytes.
//
// The picture is drawn from small sine tables and packed with zlib's cheapest useful setting,
// because the drawing is part of the service time and must cost almost nothing (a 512x512 picture
// takes a few milliseconds). An unfinished picture (its job was interrupted) shows noise in
// proportion to what was missing, as an early latent would. The PNG is written here, not by
// libpng: the tests decode it with libpng, which makes that check independent.
#pragma once

#include <cstdint>
#include <string>

namespace standin {

struct Picture {
    std::string prompt;
    std::int64_t seed = 0;
    std::uint32_t source = 0;  // checksum of an img2img source; 0 for txt2img
    std::uint32_t width = 512;
    std::uint32_t height = 512;
    double finished = 1;     // 0 is all noise, 1 is the final picture
    std::string parameters;  // text stored in the file under "parameters"
};

// Returns a whole PNG file. REQUIRES: width and height in 1..4096.
std::string draw_png(const Picture& picture);

}  // namespace standin
