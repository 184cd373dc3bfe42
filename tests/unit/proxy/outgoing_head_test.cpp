#include "proxy/outgoing_head.hpp"

#include <catch2/catch.hpp>

using common::RequestHead;
using proxy::RequestClass;
using proxy::RequestKind;

namespace {

RequestHead request(std::initializer_list<std::pair<const char*, const char*>> fields) {
    RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.fields.add("Host", "pod:8012");
    for (const auto& [name, value] : fields)
        head.fields.add(name, value);
    return head;
}

}  // namespace

TEST_CASE("outgoing head: the original host is restored for ordinary requests only", "[proxy]") {
    const RequestHead incoming = request({{"K-Original-Host", "a.b"}});
    RequestClass what;
    const RequestHead ordinary = proxy::outgoing_head(incoming, "1.2.3.4:5", what);
    CHECK(ordinary.fields.get("Host") == "a.b");
    CHECK(ordinary.fields.count("Host") == 1);
    CHECK_FALSE(ordinary.fields.has("K-Original-Host"));
    what.kind = RequestKind::kubelet_bypass;
    const RequestHead bypass = proxy::outgoing_head(incoming, "1.2.3.4:5", what);
    CHECK(bypass.fields.get("Host") == "pod:8012");
    CHECK(bypass.fields.get("K-Original-Host") == "a.b");
}

TEST_CASE("outgoing head: what is between us and Knative stays here", "[proxy]") {
    const RequestHead incoming = request({{"sluice-try", "1"},
                                          {"SLUICE-X", "1"},
                                          {"Sluice-", "odd"},
                                          {"Knative-Serving-Revision", "r"},
                                          {"Knative-Serving-Namespace", "n"},
                                          {"K-Proxy-Request", "activator"},
                                          {"Sluicegate", "mine"}});
    const RequestHead head = proxy::outgoing_head(incoming, "1.2.3.4:5", RequestClass{});
    CHECK_FALSE(head.fields.has("Sluice-Try"));
    CHECK_FALSE(head.fields.has("Sluice-X"));
    CHECK_FALSE(head.fields.has("Knative-Serving-Revision"));
    CHECK_FALSE(head.fields.has("Knative-Serving-Namespace"));
    CHECK(head.fields.get("K-Proxy-Request") == "activator");
    CHECK(head.fields.get("Sluicegate") == "mine");
}

TEST_CASE("outgoing head: row 57, Forwarded is made of the first X-Forwarded-For", "[proxy]") {
    const RequestHead incoming =
        request({{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "2.2.2.2"}});
    const RequestHead head = proxy::outgoing_head(incoming, "[::1]:5", RequestClass{});
    CHECK(head.fields.get("X-Forwarded-For") == "1.1.1.1, 2.2.2.2, ::1");
    CHECK(head.fields.get("Forwarded") == "for=1.1.1.1");
}

TEST_CASE("outgoing head: an absolute target gives Host and path", "[proxy]") {
    const auto sent = [](const char* target) {
        RequestHead incoming = request({});
        incoming.target = target;
        const RequestHead head = proxy::outgoing_head(incoming, "1.2.3.4:5", RequestClass{});
        return std::string(head.fields.get("Host")) + " " + head.target;
    };
    CHECK(sent("http://h.example/p?q") == "h.example /p?q");
    CHECK(sent("http://h.example") == "h.example /");
    CHECK(sent("http://h.example?q") == "h.example /?q");
    CHECK(sent("/p?u=http://x/y") == "pod:8012 /p?u=http://x/y");
}
