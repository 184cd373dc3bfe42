// The request log's line (contract queue-proxy 8.1): the part of Go's text/template that request
// log templates use.
//
// An action is a value, optionally through `js`:
//   {{.Request.Method}}  {{js .Request.UserAgent}}  {{.TraceID | js}}
//   {{.Request.Header.Get "X-Name"}}  {{js (.Request.Header.Get "X-Name")}}  {{"text"}}  {{`text`}}
// with the trim marks {{- and -}}. Anything else is a parse error, which switches the log off; a
// well-formed path that names no field renders the fallback line instead (row 94), alone.
//
// `js` escapes for JavaScript, not JSON: a ' becomes \' and spoils the JSON of the default
// template, as in stock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace common {

// One finished request. All views outlive the call.
struct RequestLogEntry {
    std::string_view method;
    std::string_view request_uri;     // the target as it came
    std::int64_t content_length = 0;  // -1: unknown (chunked)
    std::string_view user_agent;
    std::string_view remote_address;  // with its port
    std::string_view referer;
    std::string_view protocol;  // HTTP/1.1, HTTP/2.0
    std::string_view host;
    // The value of a request header in any case of its name, empty if absent.
    std::function<std::string_view(std::string_view name)> header;

    int code = 200;  // 500 after an abort (row 96)
    std::int64_t size = 0;
    double latency_seconds = 0;

    std::string_view revision_name;
    std::string_view revision_namespace;
    std::string_view revision_service;
    std::string_view revision_configuration;
    std::string_view pod_name;
    std::string_view pod_ip;

    std::string_view trace_id;
};

class RequestLogTemplate {
  public:
    // Nothing if `text` is no template of the kind above; then `error` says why.
    static std::optional<RequestLogTemplate> parse(std::string_view text, std::string& error);

    // The line with its newline.
    std::string render(const RequestLogEntry& entry) const;

  private:
    struct Piece {
        enum class Kind : std::uint8_t { text, field, header };
        Kind kind = Kind::text;
        std::string value;  // the text, the path ("Request.Method"), the header's name
        bool through_js = false;
    };
    friend class RequestLogParser;

    std::vector<Piece> pieces_;
};

// As Go's fmt prints a float64: the shortest text that reads back to the same value, with an
// exponent below 1e-4 and from 1e6 on ("8.473e-06", "0.25", "1.5e+06").
std::string format_go_float(double value);
// As Go's template.JSEscapeString.
std::string escape_js(std::string_view text);

}  // namespace common
