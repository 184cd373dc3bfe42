#include "common/http/fields.hpp"

#include <algorithm>

namespace common {
namespace {

// What most heads need, so that they are made with two allocations.
constexpr std::size_t usual_count = 16;
constexpr std::size_t usual_bytes = 512;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

std::string_view trim_blanks(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool has_token(std::string_view value, std::string_view token) {
    while (true) {
        const std::size_t comma = value.find(',');
        if (equal_ignoring_case(trim_blanks(value.substr(0, comma)), token)) return true;
        if (comma == std::string_view::npos) return false;
        value.remove_prefix(comma + 1);
    }
}

void Fields::add(std::string_view name, std::string_view value) {
    if (entries_.empty()) {
        entries_.reserve(usual_count);
        bytes_.reserve(usual_bytes);
    }
    marks_ |= mark(name);
    const Entry entry{static_cast<std::uint32_t>(bytes_.size()),
                      static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size())};
    bytes_.append(name);
    bytes_.append(value);
    entries_.push_back(entry);
}

void Fields::add_all(const Fields& other) {
    const auto before = static_cast<std::uint32_t>(bytes_.size());
    const std::size_t first = entries_.size();
    entries_.reserve(std::max(first + other.size(), usual_count));
    bytes_.reserve(std::max(before + other.bytes_.size(), usual_bytes));
    bytes_ += other.bytes_;
    entries_.insert(entries_.end(), other.entries_.begin(), other.entries_.end());
    for (std::size_t i = first; i < entries_.size(); ++i)
        entries_[i].offset += before;
    marks_ |= other.marks_;
}

void Fields::set(std::string_view name, std::string_view value) {
    erase(name);
    add(name, value);
}

std::size_t Fields::erase_all(std::string_view name) {
    return std::erase_if(entries_, [&](const Entry& entry) {
        return entry.name_size == name.size() && equal_ignoring_case(at(entry).name, name);
    });
}

const Fields::Entry* Fields::find_first(std::string_view name) const {
    for (const Entry& entry : entries_) {
        if (entry.name_size == name.size() && equal_ignoring_case(at(entry).name, name))
            return &entry;
    }
    return nullptr;
}

std::size_t Fields::count(std::string_view name) const {
    if (!may_have(name)) return 0;
    return static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(),
        [&](const Entry& entry) { return equal_ignoring_case(at(entry).name, name); }));
}

bool Fields::lists(std::string_view name, std::string_view token) const {
    if (!may_have(name)) return false;
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        const Field field = at(entry);
        return equal_ignoring_case(field.name, name) && has_token(field.value, token);
    });
}

std::string Fields::joined(std::string_view name) const {
    std::string all;
    if (!may_have(name)) return all;
    bool first = true;
    for (const Entry& entry : entries_) {
        const Field field = at(entry);
        if (!equal_ignoring_case(field.name, name)) continue;
        if (!first) all += ", ";
        first = false;
        all += field.value;
    }
    return all;
}

void Fields::clear() {
    bytes_.clear();
    entries_.clear();
    marks_ = 0;
}

void Fields::shrink() {
    bytes_.shrink_to_fit();
    entries_.shrink_to_fit();
}

std::size_t Fields::capacity_bytes() const {
    return bytes_.capacity() + entries_.capacity() * sizeof(Entry);
}

}  // namespace common
