#include "common/core/path_pattern.hpp"

#include <catch2/catch.hpp>

using namespace common;

namespace {
std::vector<PathPattern> patterns(std::initializer_list<const char*> texts) {
    std::vector<PathPattern> list;
    for (const char* text : texts)
        list.push_back(parse_path_pattern(text).value());
    return list;
}
}  // namespace

TEST_CASE("path pattern: exact, prefix and method are told apart", "[common][core]") {
    CHECK(parse_path_pattern("/a") == PathPattern{"", "/a", false});
    CHECK(parse_path_pattern("/a/*") == PathPattern{"", "/a/", true});
    CHECK(parse_path_pattern("POST /a") == PathPattern{"POST", "/a", false});
    CHECK(parse_path_pattern("/file=*") == PathPattern{"", "/file=", true});
    for (const char* bad : {"", "a", "*", "/a*b", "/a?b", "/a#b", "post /a", " /a", "GET  /a",
                            "GET a", "/a b", "/a,b", "GET /a b"})
        CHECK_FALSE(parse_path_pattern(bad));
    for (const char* text : {"/a", "/a/*", "GET /a", "POST /b*"})
        CHECK(format_path_pattern(parse_path_pattern(text).value()) == text);
}

TEST_CASE("path pattern: the canonical path has one form for one place", "[common][core]") {
    CHECK(canonical_path("/a/b") == "/a/b");
    CHECK(canonical_path("/a/b/") == "/a/b/");
    CHECK(canonical_path("//a///b") == "/a/b");
    CHECK(canonical_path("/a/./b/../c") == "/a/c");
    CHECK(canonical_path("/a/b/..") == "/a/");
    CHECK(canonical_path("/../../a") == "/a");
    CHECK(canonical_path("/%61%2fb") == "/a/b");
    CHECK(canonical_path("/%2e%2e/a") == "/a");
    CHECK(canonical_path("/%zz%4") == "/%zz%4");
    CHECK(canonical_path("") == "/");
    CHECK(canonical_path("/") == "/");
}

TEST_CASE("path pattern: the path of a target in every form", "[common][core]") {
    CHECK(path_of_target("/a?b#c") == "/a");
    CHECK(path_of_target("/a#b?c") == "/a");
    CHECK(path_of_target("http://h/a?b") == "/a");
    CHECK(path_of_target("http://h") == "/");
    CHECK(path_of_target("http://h?a=/b") == "/");
    CHECK(path_of_target("/x?u=http://h/a") == "/x");
    CHECK(path_of_target("/http://h/a") == "/http://h/a");
    CHECK(path_of_target("*") == "*");
    CHECK(path_of_target("") == "");
}

TEST_CASE("path pattern: only an unambiguous path is a control path", "[common][core]") {
    const auto list = patterns({"/assets/*", "GET /options", "/file=*", "/"});
    CHECK(is_listed_control(list, "GET", "/assets/x.js"));
    CHECK(is_listed_control(list, "GET", "/assets/x.js?v=1/../.."));
    CHECK(is_listed_control(list, "GET", "/options"));
    CHECK_FALSE(is_listed_control(list, "POST", "/options"));
    CHECK_FALSE(is_listed_control(list, "GET", "/options/"));
    CHECK_FALSE(is_listed_control(list, "GET", "/asset"));
    CHECK(is_listed_control(list, "GET", "/"));
    CHECK(is_listed_control(list, "GET", "/file=/home/u/.cache/a%20b.png"));
    for (const char* smuggled :
         {"/assets/../txt2img", "/assets/%2e%2e/txt2img", "/assets//txt2img", "/assets/..",
          "/assets/%2ftxt2img", "/assets/%252e", "/assets/a\\..\\b", "/assets/%", "/assets/%g0"})
        CHECK_FALSE(is_listed_control(list, "GET", smuggled));
    CHECK_FALSE(is_listed_control({}, "GET", "/"));
}

TEST_CASE("path pattern: a denied path is denied in every disguise", "[common][core]") {
    const auto list = patterns({"/sdapi/v1/server-*", "DELETE /x"});
    for (const char* disguise :
         {"/sdapi/v1/server-kill", "/sdapi/v1/%73erver-kill", "//sdapi/v1/server-stop",
          "/sdapi/v1/x/../server-kill", "/sdapi/./v1/server-kill?a=b", "/sdapi%2Fv1/server-kill",
          "http://h/sdapi/v1/server-kill", "HTTPS://h:80//sdapi/v1/%73erver-kill?x"})
        CHECK(is_listed_denied(list, "POST", disguise));
    CHECK_FALSE(is_listed_denied(list, "POST", "/sdapi/v1/txt2img"));
    CHECK_FALSE(is_listed_denied(list, "POST", "/sdapi/v1/txt2img?p=/sdapi/v1/server-kill"));
    CHECK(is_listed_denied(list, "DELETE", "/x"));
    CHECK_FALSE(is_listed_denied(list, "GET", "/x"));
    CHECK_FALSE(is_listed_denied({}, "GET", "/sdapi/v1/server-kill"));
}
