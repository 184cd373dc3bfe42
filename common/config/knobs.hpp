// The one place where our own settings, the annotations sluice.dev/..., are named, typed, defaulted
// and documented; and the seed's three cookie annotations, letter for letter.
//
// Annotations stand on the revision template (the cookie ones on the Service). Order of strength:
// the knob's default, then the preset that sluice.dev/app names, then the knob itself. A
// queue-proxy gets the same knobs as SLUICE_* environment variables or in /etc/podinfo/annotations.
//
// Stock Knative annotations are not ours: autoscaler/annotations.hpp reads those.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/env.hpp"
#include "common/core/path_pattern.hpp"
#include "common/core/time.hpp"

namespace common {

// What becomes of a running request whose client has gone (issue 3, D7).
enum class OnDisconnect : std::uint8_t {
    finish,     // the slot stays taken until the application's answer ends
    interrupt,  // also ask the application to stop (interrupt-path), once
    close       // stock: close the application's connection, free the slot at once
};

struct CookieAffinity {
    bool enabled = false;
    std::string cookie_name = "sluice";
    std::chrono::seconds timeout{1800};  // idle; the cookie's Max-Age
    friend bool operator==(const CookieAffinity&, const CookieAffinity&) = default;
};

struct Knobs {
    std::string app;  // name of a preset; empty: none

    // Waiting (activator)
    std::uint64_t queue_limit = 10'000;
    std::uint64_t queue_bytes = std::uint64_t{64} << 20;
    Duration cold_start_timeout = std::chrono::seconds(600);
    std::optional<Duration> queue_timeout;  // unset: the revision's timeoutSeconds

    // Sessions (activator)
    CookieAffinity affinity;
    std::optional<Duration> affinity_patience;  // unset: see RevisionPolicy
    std::optional<Duration> affinity_lifetime;  // unset: no absolute end
    std::string affinity_header;                // empty: none

    // Running again (activator)
    bool retry_on_pod_loss = false;
    std::uint64_t retry_limit = 2;
    std::uint64_t replay_bytes = std::uint64_t{1} << 20;

    // Departed clients (queue-proxy)
    std::optional<OnDisconnect> on_disconnect;  // unset: see on_disconnect_for
    std::optional<PathPattern> interrupt_path;  // with its method, never a prefix
    std::optional<Duration> slot_hold_max;      // unset: the revision's timeoutSeconds

    // Lanes and doors
    std::vector<PathPattern> control_paths;
    std::uint64_t control_limit = 100;
    std::vector<PathPattern> deny_paths;

    // Models (activator)
    std::string model_key;                   // JSON field path, or "header:NAME"; empty: none
    std::optional<Duration> model_patience;  // unset: the scheduler's own

    // Reports to a stock autoscaler (contract kpa.md 14.15)
    bool shape_reports = false;
    std::optional<Duration> wait_target;  // unset: each request asks for a slot

    // Deployments without Knative (webhook and activator): what a Knative Service has fields for.
    bool inject = false;
    std::uint64_t container_concurrency = 1;
    std::uint64_t timeout_seconds = 300;

    friend bool operator==(const Knobs&, const Knobs&) = default;
};

// The policy of a revision with this containerConcurrency (0 = unlimited) that chose none.
OnDisconnect on_disconnect_for(const Knobs& knobs, std::int64_t container_concurrency);
std::string_view to_text(OnDisconnect policy);

struct KnobProblem {
    bool is_error = true;    // otherwise a warning: the knob is ignored
    std::string annotation;  // full name
    std::string message;     // what is wrong and what would be right
    friend bool operator==(const KnobProblem&, const KnobProblem&) = default;
};

struct KnobsResult {
    Knobs knobs;  // defaults stand where a value was wrong
    std::vector<KnobProblem> problems;
};

// Reads every annotation of our two domains and ignores all others. Of equal names the last wins.
KnobsResult parse_knobs(std::span<const std::pair<std::string, std::string>> annotations);

// --- The queue-proxy's way to get them.

// The SLUICE_* variables that make knobs_from_env return the queue-proxy's part of `knobs`; only
// what differs from the default (or from the preset, which SLUICE_APP carries).
std::map<std::string, std::string> knobs_to_env(const Knobs& knobs);
// Reads the queue-proxy's part; the rest keeps its defaults. Problems name the variable.
// `podinfo` is the text of /etc/podinfo/annotations or empty; a set variable beats an annotation.
KnobsResult knobs_from_env(const Env& env, std::string_view podinfo = "");
// Lines `key="value"` with Go's quoting, as the Kubernetes downward API writes them. Lines of
// another form are skipped.
std::vector<std::pair<std::string, std::string>> parse_podinfo(std::string_view text);
KnobsResult knobs_from_podinfo(std::string_view text);

// --- The table.

enum class KnobReader : std::uint8_t { activator, queue_proxy, both, webhook, standalone };

struct KnobRow {
    std::string_view name;          // full annotation name
    std::string_view valid;         // ends "... is not <valid>"
    std::string_view default_text;  // for people
    std::string_view meaning;       // one line
    KnobReader reader;
    std::string_view env;  // SLUICE_*; empty if the queue-proxy does not read it
    // Takes a value over into the knobs; false if it is not valid (knobs unchanged).
    bool (*read)(std::string_view value, Knobs& knobs);
    // The value as `read` takes it; nothing if unset.
    std::optional<std::string> (*write)(const Knobs& knobs);
};

// In the README's order. sluice.dev/app is first: it is applied before the others.
std::span<const KnobRow> knob_rows();
// All annotation names of the table.
std::vector<std::string> knob_names();
// The README's table, Markdown, between its markers.
std::string knobs_markdown_table();

}  // namespace common
