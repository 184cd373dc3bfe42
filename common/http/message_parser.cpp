#include "common/http/message_parser.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "common/core/check.hpp"
#include "common/http/framing.hpp"

namespace common {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using error_code = boost::system::error_code;

std::string_view std_view(string_view s) {
    return {s.data(), s.size()};
}

// A chunk's size line with its extensions, or a trailer section. Go refuses lines over 4 KiB.
constexpr std::size_t chunk_line_max = std::size_t{64} << 10;
constexpr std::size_t last_chunk_bytes = 5;  // "0\r\n\r\n"

// What both directions of Beast's parser report, collected.
struct Collected {
    Fields* fields = nullptr;
    std::size_t field_count_max = 0;
    bool in_trailers = false;
    bool chunk_seen = false;
    const char* last_chunk_end = nullptr;  // behind the size and extension of the last chunk
    Fields trailers;
    std::vector<std::string_view> body;

    void on_field(string_view name, string_view value, error_code& ec) {
        Fields& target = in_trailers ? trailers : *fields;
        if (target.size() >= field_count_max) {
            ec = http::error::header_limit;
            return;
        }
        target.add(std_view(name), std_view(value));
    }

    // Beast lets a quoted extension hold anything; for a server that takes a bare LF as the line's
    // end, the chunk would begin inside it.
    void on_chunk_header(std::uint64_t size, std::string_view extension, error_code& ec) {
        chunk_seen = true;
        if (size == 0) last_chunk_end = extension.data() + extension.size();
        const auto is_control = [](char c) {
            return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
        };
        if (std::any_of(extension.begin(), extension.end(), is_control))
            ec = http::error::bad_chunk_extension;
    }
};

template <bool is_request>
class BeastParser final : public http::basic_parser<is_request> {
  public:
    using Head = std::conditional_t<is_request, RequestHead, ResponseHead>;

    BeastParser(Collected& collected, Head& head, const ParserLimits& limits)
        : collected_(collected), head_(head) {
        this->header_limit(limits.header_bytes_max);
        this->body_limit(boost::none);
    }

  private:
    void on_request_impl(http::verb, string_view method, string_view target, int version,
                         error_code&) override {
        if constexpr (is_request) {
            head_.method = std_view(method);
            head_.target = std_view(target);
            head_.version = version;
        }
    }
    void on_response_impl(int status, string_view reason, int version, error_code&) override {
        if constexpr (!is_request) {
            head_.status = status;
            head_.reason = std_view(reason);
            head_.version = version;
        }
    }
    void on_field_impl(http::field, string_view name, string_view value, error_code& ec) override {
        collected_.on_field(name, value, ec);
    }
    void on_header_impl(error_code&) override { collected_.in_trailers = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override {
        collected_.body.push_back(std_view(body));
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t size, string_view extension, error_code& ec) override {
        collected_.on_chunk_header(size, std_view(extension), ec);
    }
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
        collected_.body.push_back(std_view(body));
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    Collected& collected_;
    Head& head_;
};

// A line that continues the one before (RFC 9112 5.2, obs-fold): servers disagree about it.
bool has_folded_line(std::string_view raw) {
    for (std::size_t at = raw.find('\n'); at != std::string_view::npos;
         at = raw.find('\n', at + 1)) {
        if (at + 1 < raw.size() && (raw[at + 1] == ' ' || raw[at + 1] == '\t')) return true;
    }
    return false;
}

ParseError classify(const error_code& ec) {
    if (ec == http::error::header_limit) return ParseError::header_too_large;
    if (ec == http::error::bad_version) return ParseError::bad_version;
    if (ec == http::error::partial_message) return ParseError::truncated;
    return ParseError::bad_message;
}

template <class Parser>
Framing framing_of(const Parser& parser) {
    Framing framing;
    if (parser.chunked()) {
        framing.kind = BodyKind::chunked;
    } else if (parser.content_length() && *parser.content_length() > 0) {
        framing.kind = BodyKind::length;
        framing.length = *parser.content_length();
    }
    return framing;
}

}  // namespace

struct MessageParser::State {
    explicit State(const ParserLimits& l) : limits(l) {
        collected.field_count_max = l.field_count_max;
    }

    ParserLimits limits;
    Collected collected;
    std::optional<BeastParser<true>> request;
    std::optional<BeastParser<false>> response;
    RequestHead* request_head = nullptr;
    ResponseHead* response_head = nullptr;
    Phase phase = Phase::done;
    std::size_t head_bytes = 0;
    ParseError failed = ParseError::none;  // no use of Beast's parser after an error

    void begin(Fields& fields) {
        fields.clear();
        collected.fields = &fields;
        collected.in_trailers = false;
        collected.chunk_seen = false;
        collected.last_chunk_end = nullptr;
        head_bytes = 0;
        collected.trailers.clear();
        phase = Phase::head;
        failed = ParseError::none;
    }

    ParseError finish_request_head() {
        RequestHead& head = *request_head;
        if (limits.target_bytes_max > 0 && head.target.size() > limits.target_bytes_max)
            return ParseError::target_too_long;
        const ParseError error = check_request_framing(head);
        if (error != ParseError::none) return error;
        head.body = framing_of(*request);
        if (head.fields.has("Transfer-Encoding") != (head.body.kind == BodyKind::chunked))
            return ParseError::bad_message;
        head.keep_alive = request->keep_alive();
        head.upgrade = head.version >= 11 && head.fields.has("Upgrade") &&
                       head.fields.lists("Connection", "upgrade");
        head.expect_continue = head.version >= 11 && head.body.kind != BodyKind::none &&
                               equal_ignoring_case(head.fields.get("Expect"), "100-continue");
        return ParseError::none;
    }

    ParseError finish_response_head() {
        ResponseHead& head = *response_head;
        const ParseError error = check_response_framing(head);
        if (error != ParseError::none) return error;
        head.body = framing_of(*response);
        if (!status_has_body(head.status) || response->skip()) {
            head.body = {};
        } else if (response->need_eof()) {
            head.body.kind = BodyKind::until_close;
        }
        head.keep_alive = response->keep_alive();
        return ParseError::none;
    }

    template <class Parser>
    Step put(Parser& parser, std::string_view input) {
        Step step;
        step.error = failed;
        if (failed != ParseError::none) return step;
        error_code ec;
        collected.body.clear();
        const bool head = phase == Phase::head;
        // Beast 1.81 aborts (an assertion) when "0\r\n" opens a chunked body and just one more
        // byte follows it.
        const bool first_chunk = !head && parser.chunked() && !collected.chunk_seen;
        if (first_chunk && input.front() == '0' && input.size() < last_chunk_bytes) return step;
        // In the body everything at hand is parsed, so that one write can carry all of it and its
        // end.
        parser.eager(!head);
        step.consumed = parser.put(boost::asio::const_buffer(input.data(), input.size()), ec);
        step.body = collected.body;
        if (ec && ec != http::error::need_more) {
            step.error = classify(ec);
            return step;
        }
        // Beast waits for the end of a chunk's line, and of the trailers, without limit.
        if (!head && step.consumed == 0 && step.body.empty() && input.size() > chunk_line_max) {
            step.error = ParseError::bad_message;
            return step;
        }
        // Beast counts less than all of a head that comes in one piece.
        if (head) head_bytes += step.consumed;
        if (head && head_bytes > limits.header_bytes_max) {
            step.error = ParseError::header_too_large;
            return step;
        }
        if (head && has_folded_line(input.substr(0, step.consumed))) {
            step.error = ParseError::bad_message;
            return step;
        }
        if (head && parser.is_header_done()) {
            step.error = request ? finish_request_head() : finish_response_head();
            phase = Phase::body;
        }
        if (parser.is_done() && collected.last_chunk_end != nullptr &&
            has_folded_line({collected.last_chunk_end, input.data() + step.consumed})) {
            step.error = ParseError::bad_message;
            return step;
        }
        if (parser.is_done()) phase = Phase::done;
        return step;
    }
};

MessageParser::MessageParser(const ParserLimits& limits)
    : state_(std::make_unique<State>(limits)) {}
MessageParser::~MessageParser() = default;
MessageParser::MessageParser(MessageParser&&) noexcept = default;

void MessageParser::begin_request(RequestHead& head) {
    state_->begin(head.fields);
    state_->response.reset();
    state_->request_head = &head;
    state_->request.emplace(state_->collected, head, state_->limits);
}

void MessageParser::begin_response(ResponseHead& head, bool to_head_request) {
    state_->begin(head.fields);
    state_->request.reset();
    state_->response_head = &head;
    state_->response.emplace(state_->collected, head, state_->limits);
    state_->response->skip(to_head_request);
}

MessageParser::Step MessageParser::parse(std::string_view input) {
    CHECK(state_->phase != Phase::done);
    CHECK(!input.empty());
    const Step step = state_->request ? state_->put(*state_->request, input)
                                      : state_->put(*state_->response, input);
    state_->failed = step.error;
    return step;
}

ParseError MessageParser::parse_end() {
    if (state_->phase == Phase::done) return ParseError::none;
    if (state_->phase == Phase::head || !state_->response) return ParseError::truncated;
    error_code ec;
    state_->response->put_eof(ec);
    if (ec) return ParseError::truncated;
    state_->phase = Phase::done;
    return ParseError::none;
}

MessageParser::Phase MessageParser::phase() const {
    return state_->phase;
}

const Fields& MessageParser::trailers() const {
    return state_->collected.trailers;
}

}  // namespace common
