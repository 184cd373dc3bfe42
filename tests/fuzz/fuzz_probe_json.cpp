// SERVING_READINESS_PROBE. First byte odd: an array of probes.
#include "proxy/probe_json.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    fuzz::Input input(data, size);
    const bool is_array = input.byte() % 2 == 1;
    const proxy::ParsedProbes parsed = proxy::parse_probes(input.rest(), is_array);
    for (const std::string& problem : parsed.problems)
        HOLDS(!problem.empty());
    if (!parsed.problems.empty()) return 0;
    HOLDS(is_array || parsed.probes.size() <= 1);
    for (const proxy::ProbeSpec& probe : parsed.probes) {
        HOLDS(probe.success_threshold >= 1);
        HOLDS(probe.period >= common::Duration::zero());
        HOLDS(probe.timeout >= common::Duration::zero());
        HOLDS(probe.period == common::Duration::zero() || probe.timeout >= std::chrono::seconds(1));
        if (const auto* http = std::get_if<proxy::HttpProbe>(&probe.handler))
            HOLDS(http->port != 0 && http->path.starts_with('/'));
        if (const auto* tcp = std::get_if<proxy::TcpProbe>(&probe.handler)) HOLDS(tcp->port != 0);
        if (const auto* grpc = std::get_if<proxy::GrpcProbe>(&probe.handler))
            HOLDS(grpc->port != 0);
    }
    return 0;
}
