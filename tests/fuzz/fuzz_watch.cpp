// The API server's words: pages of lists, events of watches, and the objects in both.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "activator/kubernetes/objects.hpp"
#include "activator/kubernetes/watch_text.hpp"
#include "common/net/address.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace activator::kubernetes;

std::vector<std::string> lines_of(std::string_view bytes, std::size_t step) {
    std::vector<std::string> result;
    WatchLines lines;
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        lines.add(piece);
        while (std::optional<std::string> line = lines.next()) {
            HOLDS(!line->empty() && line->find('\n') == std::string::npos);
            result.push_back(std::move(*line));
        }
        HOLDS(!lines.too_long());
    }
    return result;
}

void read_addresses(const EndpointsObject::Addresses& addresses) {
    for (const auto* list : {&addresses.ready, &addresses.not_ready}) {
        for (const Backend& backend : *list) {
            HOLDS(!backend.pod.empty());
            HOLDS(common::parse_address(backend.address).has_value());
        }
    }
}

// All readers get all objects: which kind one is, only the server says.
void read_object(const nlohmann::json& object) {
    const RevisionObject revision = read_revision(object);
    HOLDS(revision == read_revision(object));
    const EndpointsObject endpoints = read_endpoints(object);
    read_addresses(endpoints.http1);
    read_addresses(endpoints.h2c);
    const ServiceObject service = read_service(object);
    for (const std::string& address : {service.http1_address, service.h2c_address})
        HOLDS(address.empty() || common::parse_address(address).has_value());
    HOLDS(read_name(object) == revision.name);
    read_annotations(object);
    read_config_map(object);
    read_secret(object);
}

}  // namespace

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const std::size_t step = input.byte() % 32U + 1;
    const std::string_view bytes = input.rest();
    const std::vector<std::string> lines = lines_of(bytes, bytes.size() + 1);
    HOLDS(lines == lines_of(bytes, step));
    for (const std::string& line : lines) {
        bool told = false;
        const auto event = read_watch_event(line, [&](WatchEvent::Kind, const nlohmann::json& one) {
            told = true;
            read_object(one);
        });
        using Kind = WatchEvent::Kind;
        HOLDS(told == (event && event->kind != Kind::bookmark && event->kind != Kind::error));
        told = false;
        const auto page = read_list_page(line, [&](const nlohmann::json& one) {
            told = true;
            read_object(one);
        });
        HOLDS(page ? !page->version.empty() : !told);
    }
    return 0;
}
