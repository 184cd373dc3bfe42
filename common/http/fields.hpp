// The header fields of one message, in order, in one flat buffer: a message costs two allocations
// however many fields it has, and copying one for a retry is a copy of two arrays. Names compare
// without case (RFC 9110 5.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace common {

// ASCII, as header names are.
bool equal_ignoring_case(std::string_view a, std::string_view b);
// True if the comma-separated list `value` has `token` as one of its members, without case.
bool has_token(std::string_view value, std::string_view token);
// Without blanks and tabs at both ends (OWS, RFC 9110 5.6.3).
std::string_view trim_blanks(std::string_view text);

class Fields {
  public:
    struct Field {
        std::string_view name;
        std::string_view value;
    };

    void add(std::string_view name, std::string_view value);
    // Every field of `other`, which is not this.
    void add_all(const Fields& other);
    // Removes every field of that name and adds one.
    void set(std::string_view name, std::string_view value);
    // Removes every field of that name; returns how many there were.
    std::size_t erase(std::string_view name) { return may_have(name) ? erase_all(name) : 0; }
    // Removes every field for whose name `test` is true. Views of what is left stay valid.
    template <class Test>
    void erase_if(Test test) {
        std::erase_if(entries_, [&](const Entry& entry) { return test(at(entry).name); });
    }
    // The first field's value; empty if there is none.
    std::string_view get(std::string_view name) const {
        const Entry* entry = find(name);
        return entry != nullptr ? at(*entry).value : std::string_view{};
    }
    bool has(std::string_view name) const { return find(name) != nullptr; }
    std::size_t count(std::string_view name) const;
    // True if any field of that name lists `token`.
    bool lists(std::string_view name, std::string_view token) const;
    // All values joined by ", " (RFC 9110 5.2).
    std::string joined(std::string_view name) const;

    std::size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }
    // REQUIRES: index < size(). The views are valid until the next change.
    Field operator[](std::size_t index) const { return at(entries_[index]); }
    void clear();
    // Frees what is not in use, for a message that is kept for a while.
    void shrink();
    // Bytes held in memory.
    std::size_t capacity_bytes() const;

  private:
    struct Entry {
        std::uint32_t offset;
        std::uint32_t name_size;
        std::uint32_t value_size;
    };
    Field at(const Entry& entry) const {
        const std::string_view all(bytes_);
        return {all.substr(entry.offset, entry.name_size),
                all.substr(entry.offset + entry.name_size, entry.value_size)};
    }
    const Entry* find(std::string_view name) const {
        return may_have(name) ? find_first(name) : nullptr;
    }
    const Entry* find_first(std::string_view name) const;
    std::size_t erase_all(std::string_view name);

    // Most questions are about fields that a message does not have. One bit of 64 for a name's
    // length and first letter answers nearly all of those, without a look at the fields.
    static constexpr std::uint64_t mark(std::string_view name) {
        if (name.empty()) return 1;
        const auto letter = static_cast<unsigned char>(name.front()) & 0x1FU;  // of either case
        return std::uint64_t{1} << ((name.size() * 5 + letter) % 64);
    }
    bool may_have(std::string_view name) const { return (marks_ & mark(name)) != 0; }

    // A removed field's bytes and mark stay until clear(): messages are short-lived.
    std::string bytes_;
    std::vector<Entry> entries_;
    std::uint64_t marks_ = 0;
};

}  // namespace common
