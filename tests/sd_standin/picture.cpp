// The drawing: two warped waves look up a cyclic colour palette. All randomness comes from a hash
// of prompt and seed. Every second row is stored as differences to the left pixel (PNG filter 1),
// which for smooth pictures leaves tiny values that run-length coding packs fast; the row below
// repeats it (filter 2, all zeros), which halves the cost and is not seen in so soft a picture.
#include "tests/sd_standin/picture.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace standin {
namespace {

constexpr std::size_t palette_size = 1024;
constexpr std::uint8_t filter_left = 1;
constexpr std::uint8_t filter_above = 2;

// splitmix64: small, well mixed, and the same everywhere.
class Dice {
  public:
    explicit Dice(std::uint64_t state) : state_(state) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    double between(double low, double high) {
        return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53;
    }

  private:
    std::uint64_t state_;
};

std::uint64_t hash_of(const Picture& picture) {
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
    for (const char c : picture.prompt) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }
    Dice mixed(hash ^ static_cast<std::uint64_t>(picture.seed) * 0x2545f4914f6cdd1dU);
    return mixed.next() ^ picture.source;
}

using Colour = std::array<std::uint8_t, 3>;

std::vector<Colour> make_palette(Dice& dice) {
    std::array<double, 3> shift{};
    std::array<double, 3> turns{};
    for (std::size_t i = 0; i < 3; ++i) {
        shift[i] = dice.between(0, 1);
        turns[i] = dice.between(0, 1) < 0.7 ? 1 : 2;  // whole turns: the palette is cyclic
    }
    std::vector<Colour> palette(palette_size);
    for (std::size_t k = 0; k < palette_size; ++k) {
        const double at = static_cast<double>(k) / palette_size;
        for (std::size_t i = 0; i < 3; ++i) {
            const double wave = std::cos(2 * std::numbers::pi * (turns[i] * at + shift[i]));
            palette[k][i] = static_cast<std::uint8_t>(std::lround(127.5 + 115 * wave));
        }
    }
    return palette;
}

std::vector<int> make_wave(Dice& dice, std::size_t length, double height, double most_turns) {
    const double turns = dice.between(0.5, most_turns);
    const double phase = dice.between(0, 2 * std::numbers::pi);
    std::vector<int> wave(length);
    for (std::size_t i = 0; i < length; ++i) {
        const double at = static_cast<double>(i) / static_cast<double>(length);
        wave[i] = static_cast<int>(height * std::sin(2 * std::numbers::pi * turns * at + phase));
    }
    return wave;
}

void add_noise(std::vector<std::uint8_t>& row, double finished, Dice& dice) {
    const auto keep = static_cast<int>(std::lround(std::clamp(finished, 0.0, 1.0) * 256));
    for (std::uint8_t& value : row) {
        const int noise = static_cast<int>(dice.next() & 255);
        value = static_cast<std::uint8_t>((value * keep + noise * (256 - keep)) / 256);
    }
}

// The waves of one picture; the level of a pixel is a sum of table look-ups.
struct Waves {
    std::vector<int> across;
    std::vector<int> down;
    std::vector<int> slant;
    std::vector<int> bend;
};

Waves make_waves(Dice& dice, std::size_t width, std::size_t height) {
    Waves waves;
    waves.across = make_wave(dice, width, 330, 1.6);
    waves.down = make_wave(dice, height, 330, 1.6);
    waves.slant = make_wave(dice, width + height, 180, 2.5);
    waves.bend = make_wave(dice, height, 0.12 * static_cast<double>(width), 2);
    return waves;
}

void draw_row(std::vector<std::uint8_t>& row, std::size_t y, const Waves& waves,
              const std::vector<Colour>& palette) {
    const int last = static_cast<int>(waves.across.size()) - 1;
    std::uint8_t* out = row.data();
    for (int x = 0; x <= last; ++x, out += 3) {
        const auto bent = static_cast<std::size_t>(std::clamp(x + waves.bend[y], 0, last));
        const int level =
            waves.across[bent] + waves.down[y] + waves.slant[static_cast<std::size_t>(x) + y];
        const Colour& colour = palette[static_cast<unsigned>(level) % palette_size];
        std::copy(colour.begin(), colour.end(), out);
    }
}

// Every row: the filter byte, then its differences (file header).
std::string draw_rows(const Picture& picture) {
    Dice dice(hash_of(picture));
    const std::vector<Colour> palette = make_palette(dice);
    const Waves waves = make_waves(dice, picture.width, picture.height);
    std::vector<std::uint8_t> row(std::size_t{3} * picture.width);
    std::string rows(picture.height * (1 + row.size()), '\0');
    char* out = rows.data();
    for (std::size_t y = 0; y < picture.height; ++y) {
        if (y % 2 == 1) {
            *out = static_cast<char>(filter_above);
            out += 1 + row.size();
            continue;
        }
        draw_row(row, y, waves, palette);
        if (picture.finished < 1) add_noise(row, picture.finished, dice);
        *out++ = static_cast<char>(filter_left);
        std::copy(row.begin(), row.begin() + 3, out);
        for (std::size_t i = 3; i < row.size(); ++i) {
            out[i] = static_cast<char>(static_cast<std::uint8_t>(row[i] - row[i - 3]));
        }
        out += row.size();
    }
    return rows;
}

std::string pack(const std::string& rows) {
    z_stream stream{};
    deflateInit2(&stream, 1, Z_DEFLATED, 15, 9, Z_RLE);
    std::string packed(deflateBound(&stream, rows.size()), '\0');
    // zlib's interface is not const-correct: it does not write to next_in.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rows.data()));
    stream.avail_in = static_cast<uInt>(rows.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

void append_number(std::string& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>(number >> shift & 255));
    }
}

// Length, type, content, and the checksum of the last two (PNG specification, "Chunk layout").
void append_chunk(std::string& file, const std::string& type, const std::string& content) {
    append_number(file, static_cast<std::uint32_t>(content.size()));
    const std::size_t begin = file.size();
    file += type;
    file += content;
    const auto* bytes = reinterpret_cast<const Bytef*>(file.data() + begin);
    const auto checksum = crc32(0, bytes, static_cast<uInt>(file.size() - begin));
    append_number(file, static_cast<std::uint32_t>(checksum));
}

}  // namespace

std::string draw_png(const Picture& picture) {
    std::string file = "\x89PNG\r\n\x1a\n";
    std::string head;
    append_number(head, picture.width);
    append_number(head, picture.height);
    head += {8, 2, 0, 0, 0};  // 8 bits, RGB, deflate, the standard filters, not interlaced
    append_chunk(file, "IHDR", head);
    if (!picture.parameters.empty()) {
        std::string text = "parameters";
        text.push_back('\0');
        append_chunk(file, "tEXt", text + picture.parameters);
    }
    append_chunk(file, "IDAT", pack(draw_rows(picture)));
    append_chunk(file, "IEND", {});
    return file;
}

}  // namespace standin
