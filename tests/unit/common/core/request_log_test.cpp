// Contract queue-proxy 8.1, rows 94, 96. Expected texts of numbers and escapes are what Go 1.2x
// prints for the same values.
#include "common/core/request_log.hpp"

#include <catch2/catch.hpp>

using namespace common;

namespace {

RequestLogEntry sample() {
    RequestLogEntry entry;
    entry.method = "POST";
    entry.request_uri = "/sdapi/v1/txt2img?a=1&b=<2>";
    entry.content_length = 25;
    entry.user_agent = "curl/8 \"x\"";
    entry.remote_address = "10.0.0.9:4711";
    entry.referer = "http://r/";
    entry.protocol = "HTTP/1.1";
    entry.host = "sd.example";
    entry.header = [](std::string_view name) -> std::string_view {
        return name == "X-A" ? "v=1" : "";
    };
    entry.code = 200;
    entry.size = 1234;
    entry.latency_seconds = 0.25;
    entry.revision_name = "sd-00001";
    entry.revision_namespace = "default";
    entry.pod_name = "sd-00001-abc";
    entry.pod_ip = "10.0.0.1";
    entry.trace_id = "abc";
    return entry;
}

std::string rendered(std::string_view text, const RequestLogEntry& entry = sample()) {
    std::string error;
    const auto parsed = RequestLogTemplate::parse(text, error);
    return parsed ? parsed->render(entry) : "PARSE ERROR: " + error;
}

bool is_refused(std::string_view text) {
    std::string error;
    const bool refused = !RequestLogTemplate::parse(text, error);
    return refused && !error.empty();
}

}  // namespace

TEST_CASE("request log: the members of the default template", "[proxy][core]") {
    const char* start = R"({"httpRequest": {"requestMethod": "{{.Request.Method}}", )"
                        R"("requestUrl": "{{js .Request.RequestURI}}", )"
                        R"("status": {{.Response.Code}}, "latency": "{{.Response.Latency}}s", )"
                        R"("userAgent": "{{js .Request.UserAgent}}"}, "traceId": "{{.TraceID}}"})";
    CHECK(rendered(start) ==
          "{\"httpRequest\": {\"requestMethod\": \"POST\", "
          "\"requestUrl\": \"/sdapi/v1/txt2img?a\\u003D1\\u0026b\\u003D\\u003C2\\u003E\", "
          "\"status\": 200, \"latency\": \"0.25s\", "
          "\"userAgent\": \"curl/8 \\\"x\\\"\"}, \"traceId\": \"abc\"}\n");
    CHECK(rendered("{{.Request.ContentLength}} {{.Response.Size}} {{.Request.RemoteAddr}} "
                   "{{.Revision.PodIP}} {{.Request.Referer}} {{.Request.Proto}} "
                   "{{.Request.Host}} {{.Revision.Name}} {{.Revision.Namespace}} "
                   "{{.Revision.Service}}{{.Revision.Configuration}}{{.Revision.PodName}}") ==
          "25 1234 10.0.0.9:4711 10.0.0.1 http://r/ HTTP/1.1 sd.example sd-00001 default "
          "sd-00001-abc\n");
}

TEST_CASE("request log: row 94, a newline is added once", "[proxy][core]") {
    CHECK(rendered("x") == "x\n");
    CHECK(rendered("x\n") == "x\n");
    CHECK(rendered("x\n\n") == "x\n\n");
    CHECK(rendered("") == "\n");
}

TEST_CASE("request log: row 94, an unknown field gives the fallback line alone", "[proxy][core]") {
    const std::string line =
        "Invalid request log template: method: POST, response code: 200, latency: 0.25, "
        "url: /sdapi/v1/txt2img?a=1&b=<2>\n";
    CHECK(rendered("{{.Foo}}") == line);
    CHECK(rendered("a{{.Request.Nope}}b") == line);
    CHECK(rendered("{{.request}}") == line);
    CHECK(rendered("{{.Request.Proto.X}}") == line);
    CHECK(rendered("{{js .Response.Nope}}") == line);
}

TEST_CASE("request log: row 94, what is no template of ours switches the log off",
          "[proxy][core]") {
    for (const char* text : {"{{}}",
                             "{{ }}",
                             "{{.TraceID",
                             "{{.TraceID}x}",
                             "{{nope .TraceID}}",
                             "{{. TraceID}}",
                             "{{.Request. Method}}",
                             "{{-.TraceID}}",
                             "{{ - }}",
                             "{{if .TraceID}}x{{end}}",
                             "{{range .Request.Header}}{{end}}",
                             "{{.TraceID .TraceID}}",
                             "{{\"a\" .TraceID}}",
                             "{{js}}",
                             "{{js .TraceID .TraceID}}",
                             "{{jsx .TraceID}}",
                             "{{.TraceID | html}}",
                             "{{.TraceID | js | js}}",
                             "{{.TraceID |}}",
                             "{{$x}}",
                             "{{.}}",
                             "{{1}}",
                             "{{.Request.Header.Get}}",
                             "{{.Request.Header.Get X}}",
                             "{{.Request.Header.Get \"a\" \"b\"}}",
                             "{{js .Request.Header.Get \"X-A\"}}",
                             "{{(.TraceID)}}",
                             "{{js (.TraceID}}",
                             "{{\"a}}",
                             "{{\"a\\q\"}}",
                             "{{`a}}",
                             "{{\"a",
                             "{{js",
                             "{{",
                             "{{.",
                             "{{-"}) {
        CAPTURE(text);
        CHECK(is_refused(text));
    }
    CHECK_FALSE(is_refused("}} { }"));
}

TEST_CASE("request log: headers, pipes, literals and trim marks", "[proxy][core]") {
    CHECK(rendered("{{.Request.Header.Get \"X-A\"}}") == "v=1\n");
    CHECK(rendered("{{.Request.Header.Get `X-B`}}|") == "|\n");
    CHECK(rendered("{{js (.Request.Header.Get \"X-A\")}}") == "v\\u003D1\n");
    CHECK(rendered("{{ .Request.Header.Get \"X-A\" | js }}") == "v\\u003D1\n");
    CHECK(rendered("{{ .TraceID }}") == "abc\n");
    CHECK(rendered("{{.TraceID\n}}") == "abc\n");
    CHECK(rendered("{{\"l\\t\\\"\"}}{{`r\\`}}{{js \"a<\"}}") == "l\t\"r\\a\\u003C\n");
    CHECK(rendered("x  {{- .TraceID -}}  \n y") == "xabcy\n");
    CHECK(rendered("x {{- js .TraceID}} y") == "xabc y\n");
    RequestLogEntry bare;
    CHECK(rendered("{{.Request.Header.Get \"X-A\"}}", bare) == "\n");
}

TEST_CASE("request log: row 96, an abort is logged as 500", "[proxy][core]") {
    RequestLogEntry entry = sample();
    entry.code = 500;
    entry.size = 0;
    entry.content_length = -1;
    CHECK(rendered("{{.Response.Code}} {{.Response.Size}} {{.Request.ContentLength}}", entry) ==
          "500 0 -1\n");
}

TEST_CASE("request log: floats as Go prints them", "[proxy][core]") {
    const std::pair<double, const char*> rows[] = {
        {0, "0"},
        {1, "1"},
        {0.5, "0.5"},
        {1e-4, "0.0001"},
        {9.99e-5, "9.99e-05"},
        {8.473e-06, "8.473e-06"},
        {1.5e-7, "1.5e-07"},
        {0.000123456, "0.000123456"},
        {100000, "100000"},
        {123456, "123456"},
        {999999.5, "999999.5"},
        {1e6, "1e+06"},
        {1234567, "1.234567e+06"},
        {12345678.25, "1.234567825e+07"},
        {1e21, "1e+21"},
        {1e-300, "1e-300"},
        {300.000000001, "300.000000001"},
        {0.1, "0.1"},
        {2.000000001, "2.000000001"},
    };
    for (const auto& [value, text] : rows)
        CHECK(format_go_float(value) == text);
}

TEST_CASE("request log: js escapes as Go does", "[proxy][core]") {
    CHECK(escape_js("v<'\"&=\\\x01") == "v\\u003C\\'\\\"\\u0026\\u003D\\\\\\u0001");
    CHECK(escape_js("\x7f") == "\x7f");
    CHECK(escape_js("\xC3\xA9\xE2\x80\xA8\t\n") == "\xC3\xA9\\u2028\\u0009\\u000A");
    CHECK(escape_js("\xC2\xA0\xF0\x9F\x98\x80") == "\\u00A0\xF0\x9F\x98\x80");
    for (const std::string broken : {"\xFF", "\xC3", "\xE2\x80", "\xED\xA0\x80", "\xC0\xAF"}) {
        CHECK(escape_js(broken) == broken);
    }
}
