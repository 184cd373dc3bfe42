// Contract queue-proxy 1.1-1.3, rows 92 and 100, our SLUICE_* variables.
#include "proxy/config.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace proxy;
using namespace std::chrono_literals;
using common::MapEnv;

namespace {

MapEnv::Map least() {
    return {{"CONTAINER_CONCURRENCY", "1"},      {"QUEUE_SERVING_PORT", "8012"},
            {"QUEUE_SERVING_TLS_PORT", "8112"},  {"USER_PORT", "8080"},
            {"REVISION_TIMEOUT_SECONDS", "300"}, {"SERVING_LOGGING_CONFIG", ""},
            {"SERVING_LOGGING_LEVEL", ""},       {"SERVING_NAMESPACE", "default"},
            {"SERVING_CONFIGURATION", ""},       {"SERVING_REVISION", "sd-00001"},
            {"SERVING_POD", "sd-00001-abc"},     {"SERVING_POD_IP", "10.0.0.1"}};
}

LoadedConfig load(const MapEnv::Map& changes, const ConfigFiles& files = {}) {
    MapEnv::Map values = least();
    for (const auto& [name, value] : changes)
        values[name] = value;
    return load_config(MapEnv(values), files);
}

Config good(const MapEnv::Map& changes, const ConfigFiles& files = {}) {
    const LoadedConfig loaded = load(changes, files);
    if (const auto* problems = std::get_if<ConfigProblems>(&loaded.result)) {
        FAIL(problems->front());
    }
    return std::get<Config>(loaded.result);
}

std::string first_problem(const MapEnv::Map& changes, const ConfigFiles& files = {}) {
    const LoadedConfig loaded = load(changes, files);
    const auto* problems = std::get_if<ConfigProblems>(&loaded.result);
    return problems == nullptr ? "" : problems->front();
}

}  // namespace

TEST_CASE("config: the least environment gives stock's defaults", "[proxy]") {
    const Config config = good({});
    CHECK(config.limits.concurrency == 1);
    CHECK(config.limits.queue_depth == 10);
    CHECK(config.limits.control == 100);
    CHECK(config.serving == common::Address{.host = "", .port = 8012, .unix_path = ""});
    CHECK(config.serving_tls.port == 8112);
    CHECK(config.admin.port == 8022);
    CHECK(config.stats.value().port == 9090);
    CHECK_FALSE(config.metrics.has_value());
    CHECK_FALSE(config.profiling.has_value());
    CHECK_FALSE(config.tls.has_value());
    CHECK(config.user_port == 8080);
    CHECK(config.total_timeout == 300s);
    CHECK(config.response_start_timeout == 0s);
    CHECK(config.idle_timeout == 0s);
    CHECK(config.probes.empty());
    CHECK(config.drain_quiet == 30s);
    CHECK(config.on_disconnect == common::OnDisconnect::finish);
    CHECK(config.slot_hold_max == 300s);
    CHECK(config.backend_idle_connections == 1);
    CHECK(config.identity.pod == "sd-00001-abc");
    CHECK(config.identity.otel_service == "sd-00001");
}

TEST_CASE("config: an empty environment names every required variable at once", "[proxy]") {
    const LoadedConfig loaded = load_config(MapEnv({}));
    const auto& problems = std::get<ConfigProblems>(loaded.result);
    CHECK(problems.size() == least().size());
    for (const auto& [name, value] : least()) {
        CHECK(std::count(problems.begin(), problems.end(),
                         "required key " + name + " missing value") == 1);
    }
}

TEST_CASE("config: row 100, an empty integer is fatal, an empty string is not", "[proxy]") {
    CHECK(first_problem({{"REVISION_IDLE_TIMEOUT_SECONDS", ""}})
              .starts_with("REVISION_IDLE_TIMEOUT_SECONDS: '' is not an integer"));
    CHECK(first_problem({{"CONTAINER_CONCURRENCY", ""}}).starts_with("CONTAINER_CONCURRENCY: ''"));
    CHECK(first_problem({{"ENABLE_MULTI_CONTAINER_PROBES", ""}})
              .starts_with("ENABLE_MULTI_CONTAINER_PROBES: ''"));
    CHECK(first_problem({{"SERVING_LOGGING_CONFIG", ""}}).empty());
    CHECK(first_problem({{"SERVING_SERVICE", ""}, {"QUEUE_SERVING_TLS_PORT", ""}}).empty());
}

TEST_CASE("config: integers are Go's, and below one means no limit", "[proxy]") {
    CHECK(good({{"CONTAINER_CONCURRENCY", "0x10"}}).limits.concurrency == 16);
    for (const char* none : {"0", "-1"}) {
        const Config config = good({{"CONTAINER_CONCURRENCY", none}});
        CHECK(config.limits.concurrency == 0);
        CHECK(config.on_disconnect == common::OnDisconnect::close);
        CHECK(config.backend_idle_connections == 1000);
    }
    CHECK(good({{"REVISION_TIMEOUT_SECONDS", "0"}}).total_timeout == 0s);
    CHECK(good({{"REVISION_TIMEOUT_SECONDS", "-5"}}).total_timeout == -5s);
    CHECK(good({{"REVISION_IDLE_TIMEOUT_SECONDS", "-5"}}).idle_timeout == 0s);
    CHECK_FALSE(first_problem({{"CONTAINER_CONCURRENCY", "abc"}}).empty());
}

TEST_CASE("config: ports are numbers, and 0 switches statistics and metrics off", "[proxy]") {
    CHECK(first_problem({{"QUEUE_SERVING_PORT", "http"}}) ==
          "QUEUE_SERVING_PORT: 'http' is not a port number from 1 to 65535");
    CHECK_FALSE(first_problem({{"USER_PORT", "65536"}}).empty());
    CHECK_FALSE(first_problem({{"SLUICE_ADMIN_PORT", "0"}}).empty());
    CHECK_FALSE(good({{"SLUICE_STATS_PORT", "0"}}).stats.has_value());
    CHECK(good({{"SLUICE_STATS_PORT", "7000"}}).stats.value().port == 7000);
    CHECK(good({{"SLUICE_METRICS_PORT", "7001"}}).metrics.value().port == 7001);
    const std::string on = R"({"requestMetrics":{"protocol":"prometheus"}})";
    CHECK(good({{"OBSERVABILITY_CONFIG", on}}).metrics.value().port == 9091);
    CHECK_FALSE(
        good({{"OBSERVABILITY_CONFIG", on}, {"SLUICE_METRICS_PORT", "0"}}).metrics.has_value());
    CHECK(good({{"OBSERVABILITY_CONFIG",
                 R"({"requestMetrics":{"protocol":"prometheus","endpoint":"127.0.0.1:1234"}})"}})
              .metrics.value() ==
          common::Address{.host = "127.0.0.1", .port = 1234, .unix_path = ""});
    CHECK(good({{"OBSERVABILITY_CONFIG", on}, {"METRICS_PROMETHEUS_PORT", "2000"}})
              .metrics.value()
              .port == 2000);
    CHECK_FALSE(
        first_problem({{"OBSERVABILITY_CONFIG", on}, {"METRICS_PROMETHEUS_PORT", "80"}}).empty());
    CHECK(good({{"OBSERVABILITY_CONFIG", R"({"runtime":{"profiling":"enabled"}})"}})
              .profiling.value()
              .port == 8008);
}

TEST_CASE("config: SLUICE_BIND_ADDRESS binds every listener", "[proxy]") {
    const Config config =
        good({{"SLUICE_BIND_ADDRESS", "127.0.0.1"}, {"SLUICE_METRICS_PORT", "1"}});
    for (const auto& address :
         {config.serving, config.serving_tls, config.admin, *config.stats, *config.metrics}) {
        CHECK(address.host == "127.0.0.1");
    }
    CHECK(good({{"SLUICE_BIND_ADDRESS", "::1"}}).serving.host == "::1");
    CHECK_FALSE(first_problem({{"SLUICE_BIND_ADDRESS", "localhost"}}).empty());
}

TEST_CASE("config: row 92, a probe of the wrong shape ends the start", "[proxy]") {
    CHECK(first_problem({{"SERVING_READINESS_PROBE", R"("x")"}}) ==
          "SERVING_READINESS_PROBE: is not a JSON object (a probe)");
    CHECK(first_problem(
              {{"SERVING_READINESS_PROBE", "{}"}, {"ENABLE_MULTI_CONTAINER_PROBES", "true"}}) ==
          "SERVING_READINESS_PROBE: is not a JSON array of probes");
    CHECK(good({{"SERVING_READINESS_PROBE", R"({"tcpSocket":{"port":8080}})"}}).probes.size() == 1);
}

TEST_CASE("config: TLS variables count only with certificates", "[proxy]") {
    const MapEnv::Map bad = {{"QUEUE_PROXY_TLS_MIN_VERSION", "1.1"}};
    CHECK(first_problem(bad).empty());
    CHECK(first_problem(bad, {.certificates = true, .podinfo = ""}) ==
          "QUEUE_PROXY_TLS_MIN_VERSION: '1.1' is not one of 1.2, 1.3");
    const Config config = good({{"QUEUE_PROXY_TLS_MIN_VERSION", "1.2"},
                                {"QUEUE_PROXY_TLS_CIPHER_SUITES",
                                 "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256,"
                                 "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
                                {"QUEUE_PROXY_TLS_CURVE_PREFERENCES", "X25519,CurveP256"}},
                               {.certificates = true, .podinfo = ""});
    REQUIRE(config.tls.has_value());
    CHECK(config.tls->min == common::TlsVersion::tls12);
    CHECK(config.tls->max == common::TlsVersion::tls13);
    CHECK(config.tls->cipher_list == "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384");
    CHECK(config.tls->groups == "X25519:P-256");
    CHECK_FALSE(first_problem({{"QUEUE_PROXY_TLS_CIPHER_SUITES", "TLS_RSA_WITH_RC4_128_SHA"}},
                              {.certificates = true, .podinfo = ""})
                    .empty());
    CHECK(first_problem({{"QUEUE_PROXY_TLS_MAX_VERSION", "1.2"}},
                        {.certificates = true, .podinfo = ""}) ==
          "QUEUE_PROXY_TLS_MAX_VERSION: 1.2 is below QUEUE_PROXY_TLS_MIN_VERSION 1.3");
}

TEST_CASE("config: the Prometheus port's certificate and key come together", "[proxy]") {
    const auto problem = [](MapEnv::Map changes) {
        changes["SLUICE_METRICS_PORT"] = "9091";
        return first_problem(changes);
    };
    CHECK_FALSE(problem({{"METRICS_PROMETHEUS_TLS_CERT", "/c"}}).empty());
    CHECK_FALSE(problem({{"METRICS_PROMETHEUS_TLS_CLIENT_AUTH", "require"}}).empty());
    CHECK_FALSE(problem({{"METRICS_PROMETHEUS_TLS_CLIENT_AUTH", "maybe"}}).empty());
    CHECK(problem({{"METRICS_PROMETHEUS_TLS_CERT", "/c"}, {"METRICS_PROMETHEUS_TLS_KEY", "/k"}})
              .empty());
}

TEST_CASE("config: our knobs come from the environment before podinfo", "[proxy]") {
    const ConfigFiles files{.certificates = false,
                            .podinfo =
                                "sluice.dev/control-paths=\"/a,/b*\"\n"
                                "sluice.dev/slot-hold-max=\"20s\"\n"};
    const Config config =
        good({{"SLUICE_SLOT_HOLD_MAX", "7s"}, {"SLUICE_CONTROL_LIMIT", "5"}}, files);
    CHECK(config.slot_hold_max == 7s);
    CHECK(config.limits.control == 5);
    CHECK(config.knobs.control_paths.size() == 2);
    CHECK(good({}, files).slot_hold_max == 20s);
    CHECK(good({{"SLUICE_APP", "a1111"}}).knobs.interrupt_path.has_value());
    CHECK_FALSE(first_problem({{"SLUICE_ON_DISCONNECT", "maybe"}}).empty());
    CHECK_FALSE(first_problem({{"SLUICE_DRAIN_QUIET", "30"}}).empty());
    CHECK(good({{"SLUICE_DRAIN_QUIET", "100ms"}}).drain_quiet == 100ms);
}
