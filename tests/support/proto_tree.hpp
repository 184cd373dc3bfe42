// Reads protobuf's wire format without knowing the message, and without the library that wrote it:
// fields by their numbers, in their order. Asked for what is not there, it throws.
#pragma once

#include <bit>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace common {

class ProtoTree {
  public:
    explicit ProtoTree(std::string_view bytes) {
        while (!bytes.empty()) {
            const std::uint64_t tag = varint(bytes);
            Field field{tag >> 3, tag & 7, 0, {}};
            switch (field.type) {
                case 0:
                    field.number = varint(bytes);
                    break;
                case 1:
                    field.number = fixed(take(bytes, 8));
                    break;
                case 2:
                    field.bytes = take(bytes, varint(bytes));
                    break;
                case 5:
                    field.number = fixed(take(bytes, 4));
                    break;
                default:
                    throw std::runtime_error("no wire type of protobuf's");
            }
            fields_.push_back(field);
        }
    }

    bool has(std::uint64_t id) const { return !all(id).empty(); }
    std::size_t count(std::uint64_t id) const { return all(id).size(); }
    std::uint64_t number(std::uint64_t id) const { return only(id, {0, 1, 5}).number; }
    double real(std::uint64_t id) const { return std::bit_cast<double>(only(id, {1}).number); }
    std::string text(std::uint64_t id) const { return std::string(only(id, {2}).bytes); }
    ProtoTree message(std::uint64_t id) const { return ProtoTree(only(id, {2}).bytes); }
    std::vector<ProtoTree> messages(std::uint64_t id) const {
        std::vector<ProtoTree> found;
        for (const Field& field : all(id))
            found.emplace_back(field.bytes);
        return found;
    }
    // A packed list of 8-byte numbers.
    std::vector<std::uint64_t> packed(std::uint64_t id) const {
        std::vector<std::uint64_t> found;
        for (std::string_view left = only(id, {2}).bytes; !left.empty();)
            found.push_back(fixed(take(left, 8)));
        return found;
    }

  private:
    struct Field {
        std::uint64_t id;
        std::uint64_t type;
        std::uint64_t number;
        std::string_view bytes;
    };

    static std::string_view take(std::string_view& bytes, std::uint64_t count) {
        if (bytes.size() < count) throw std::runtime_error("cut");
        const std::string_view taken = bytes.substr(0, count);
        bytes.remove_prefix(count);
        return taken;
    }
    static std::uint64_t varint(std::string_view& bytes) {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(take(bytes, 1)[0]);
            value |= std::uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80) return value;
        }
        throw std::runtime_error("a varint without an end");
    }
    static std::uint64_t fixed(std::string_view bytes) {
        std::uint64_t value = 0;
        for (std::size_t i = bytes.size(); i > 0; --i)
            value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
        return value;
    }
    std::vector<Field> all(std::uint64_t id) const {
        std::vector<Field> found;
        for (const Field& field : fields_) {
            if (field.id == id) found.push_back(field);
        }
        return found;
    }
    Field only(std::uint64_t id, const std::vector<std::uint64_t>& types) const {
        const std::vector<Field> found = all(id);
        for (const std::uint64_t type : types) {
            if (found.size() == 1 && found[0].type == type) return found[0];
        }
        throw std::runtime_error("field " + std::to_string(id) + " is not there once");
    }

    std::vector<Field> fields_;
};

}  // namespace common
