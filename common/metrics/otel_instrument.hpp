// What OpenTelemetry calls a metric, and what Prometheus calls the same: one source for both
// expositions. Stock's families are named in OpenTelemetry's way and the Prometheus name follows,
// as in stock's exporter; ours are named in Prometheus's way (catalogue.hpp), and OpenTelemetry's
// name follows so that it leads back: whoever puts what we push into Prometheus finds the names of
// a scrape.
#pragma once

#include <string>
#include <string_view>

namespace common {

enum class MetricType { counter, gauge, up_down, histogram };

struct OtelInstrument {
    std::string name;           // "http.server.request.duration"; empty: only Prometheus has it
    std::string_view unit;      // UCUM: "s", "By", "{request}"; empty: none
    std::string_view scope;     // who counts, if that is a part of stock; empty: sluice
    bool is_fractional = true;  // no histogram: its values are no integers
};

// "http_server_request_duration_seconds": the name's dots, the unit, and `_total` of counters.
std::string prometheus_name(const OtelInstrument& instrument, MetricType type);
// "http_response_status_code" of "http.response.status_code"; a name without dots is itself.
std::string prometheus_label(std::string_view attribute);
// "sluice_slot_seconds_total" is "sluice.slot_seconds" in "s". REQUIRES: a name of the catalogue.
OtelInstrument otel_instrument(std::string_view prometheus_name);

}  // namespace common
