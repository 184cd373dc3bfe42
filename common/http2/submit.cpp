#include "common/http2/submit.hpp"

#include <nghttp2/nghttp2.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "common/http2/stream.hpp"

namespace common {
namespace {

// Fields that mean the connection, or that have a form of their own in HTTP/2 (RFC 9113 8.2.2).
bool is_left_out(std::string_view name) {
    switch (name.size()) {
        case 4:
            return equal_ignoring_case(name, "Host");
        case 7:
            return equal_ignoring_case(name, "Upgrade");
        case 10:
            return equal_ignoring_case(name, "Connection") ||
                   equal_ignoring_case(name, "Keep-Alive");
        case 14:
            return equal_ignoring_case(name, "HTTP2-Settings");
        case 16:
            return equal_ignoring_case(name, "Proxy-Connection");
        case 17:
            return equal_ignoring_case(name, "Transfer-Encoding");
        default:
            return false;
    }
}

// The views that are added outlive the block.
class Block {
  public:
    explicit Block(const Fields& fields) {
        // Never reallocated: entries point into it.
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < fields.size(); ++i)
            bytes += fields[i].name.size();
        names_.reserve(bytes);
        entries_.reserve(fields.size() + 5);
    }

    void add(std::string_view name, std::string_view value) {
        nghttp2_nv entry;
        entry.name = bytes_of(name);
        entry.namelen = name.size();
        entry.value = bytes_of(value);
        entry.valuelen = value.size();
        entry.flags = NGHTTP2_NV_FLAG_NONE;
        entries_.push_back(entry);
    }
    void add(const Fields& fields) {
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const Fields::Field field = fields[i];
            if (!is_left_out(field.name)) add(lower(field.name), field.value);
        }
    }
    void add_length(const Framing& body) {
        if (body.kind != BodyKind::length) return;
        const auto end =
            std::to_chars(length_.data(), length_.data() + length_.size(), body.length);
        add("content-length", {length_.data(), static_cast<std::size_t>(end.ptr - length_.data())});
    }
    void add_status(int status) {
        std::to_chars(status_.data(), status_.data() + status_.size(), status);
        add(":status", {status_.data(), status_.size()});
    }

    const nghttp2_nv* data() const { return entries_.data(); }
    std::size_t size() const { return entries_.size(); }

  private:
    // nghttp2 copies and does not write.
    static std::uint8_t* bytes_of(std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    }
    std::string_view lower(std::string_view name) {
        const std::size_t begin = names_.size();
        for (const char c : name)
            names_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        return std::string_view(names_).substr(begin);
    }

    std::string names_;
    std::array<char, 20> length_;
    std::array<char, 3> status_;
    std::vector<nghttp2_nv> entries_;
};

ssize_t read_output(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t size,
                    std::uint32_t* flags, nghttp2_data_source* source, void*) {
    return static_cast<Http2Stream*>(source->ptr)->pull(to, size, *flags);
}

nghttp2_data_provider provider_of(Http2Stream* stream) {
    nghttp2_data_provider provider;
    provider.source.ptr = stream;
    provider.read_callback = read_output;
    return provider;
}

}  // namespace

std::int32_t submit_request(nghttp2_session* codec, const RequestHead& head, Http2Stream& stream,
                            bool has_data) {
    Block block(head.fields);
    block.add(":method", head.method);
    block.add(":scheme", "http");
    block.add(":authority", head.fields.get("Host"));
    block.add(":path", head.target);
    block.add(head.fields);
    block.add_length(head.body);
    const nghttp2_data_provider provider = provider_of(&stream);
    return nghttp2_submit_request(codec, nullptr, block.data(), block.size(),
                                  has_data ? &provider : nullptr, &stream);
}

void submit_response(nghttp2_session* codec, std::int32_t id, const ResponseHead& head,
                     Http2Stream* data) {
    Block block(head.fields);
    block.add_status(head.status);
    block.add(head.fields);
    block.add_length(head.body);
    const nghttp2_data_provider provider = provider_of(data);
    nghttp2_submit_response(codec, id, block.data(), block.size(),
                            data != nullptr ? &provider : nullptr);
}

void submit_interim(nghttp2_session* codec, std::int32_t id, const ResponseHead& head) {
    Block block(head.fields);
    block.add_status(head.status);
    block.add(head.fields);
    nghttp2_submit_headers(codec, NGHTTP2_FLAG_NONE, id, nullptr, block.data(), block.size(),
                           nullptr);
}

void submit_trailers(nghttp2_session* codec, std::int32_t id, const Fields& trailers) {
    Block block(trailers);
    block.add(trailers);
    nghttp2_submit_trailer(codec, id, block.data(), block.size());
}

}  // namespace common
