// The rows of the knob table: name, valid values, default, meaning, who reads it, and how a text
// becomes a value and back. Adding a knob is adding a field to Knobs and a row here.
#include <algorithm>
#include <array>

#include "common/config/app_presets.hpp"
#include "common/config/knobs.hpp"
#include "common/core/parse.hpp"
#include "common/core/token.hpp"

namespace common {
namespace {

using std::chrono::hours;
using Text = std::optional<std::string>;

// No wait, hold or session of a GPU service is sensibly longer than a day.
constexpr Duration duration_max = hours(24);

template <auto Member, std::uint64_t Min, std::uint64_t Max>
bool read_count(std::string_view value, Knobs& knobs) {
    const auto number = parse_int(value);
    if (!number || *number < 0) return false;
    const auto count = static_cast<std::uint64_t>(*number);
    if (count < Min || count > Max) return false;
    knobs.*Member = count;
    return true;
}
template <auto Member>
Text write_count(const Knobs& knobs) {
    return std::to_string(knobs.*Member);
}

template <auto Member, std::uint64_t Min, std::uint64_t Max>
bool read_bytes(std::string_view value, Knobs& knobs) {
    const auto bytes = parse_byte_size(value);
    if (!bytes || *bytes < Min || *bytes > Max) return false;
    knobs.*Member = *bytes;
    return true;
}
template <auto Member>
Text write_bytes(const Knobs& knobs) {
    return format_byte_size(knobs.*Member);
}

// MinNanoseconds is 1 for "more than 0s".
template <auto Member, std::int64_t MinNanoseconds>
bool read_duration(std::string_view value, Knobs& knobs) {
    const auto duration = parse_go_duration(value);
    if (!duration || duration->count() < MinNanoseconds || *duration > duration_max) return false;
    knobs.*Member = *duration;
    return true;
}
template <auto Member>
Text write_duration(const Knobs& knobs) {
    return format_go_duration(knobs.*Member);
}
template <auto Member>
Text write_optional_duration(const Knobs& knobs) {
    if (!(knobs.*Member)) return std::nullopt;
    return format_go_duration(*(knobs.*Member));
}

template <auto Member>
bool read_bool(std::string_view value, Knobs& knobs) {
    if (value != "true" && value != "false") return false;
    knobs.*Member = value == "true";
    return true;
}
template <auto Member>
Text write_bool(const Knobs& knobs) {
    return knobs.*Member ? "true" : "false";
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// A comma list; the empty text is the empty list (it takes a preset's list away).
template <auto Member>
bool read_paths(std::string_view value, Knobs& knobs) {
    std::vector<PathPattern> patterns;
    while (!trimmed(value).empty()) {
        const auto comma = std::min(value.find(','), value.size());
        auto pattern = parse_path_pattern(trimmed(value.substr(0, comma)));
        if (!pattern) return false;
        patterns.push_back(std::move(*pattern));
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
    knobs.*Member = std::move(patterns);
    return true;
}
template <auto Member>
Text write_paths(const Knobs& knobs) {
    std::string text;
    for (const auto& pattern : knobs.*Member) {
        if (!text.empty()) text += ',';
        text += format_path_pattern(pattern);
    }
    return text;
}

bool read_interrupt_path(std::string_view value, Knobs& knobs) {
    if (value.empty()) {
        knobs.interrupt_path.reset();
        return true;
    }
    auto pattern = parse_path_pattern(value);
    if (!pattern || pattern->prefix) return false;
    if (pattern->method.empty()) pattern->method = "POST";
    knobs.interrupt_path = std::move(*pattern);
    return true;
}
Text write_interrupt_path(const Knobs& knobs) {
    return knobs.interrupt_path ? format_path_pattern(*knobs.interrupt_path) : "";
}

bool read_on_disconnect(std::string_view value, Knobs& knobs) {
    for (const auto policy : {OnDisconnect::finish, OnDisconnect::interrupt, OnDisconnect::close}) {
        if (value != to_text(policy)) continue;
        knobs.on_disconnect = policy;
        return true;
    }
    return false;
}
Text write_on_disconnect(const Knobs& knobs) {
    if (!knobs.on_disconnect) return std::nullopt;
    return std::string(to_text(*knobs.on_disconnect));
}

bool read_header(std::string_view value, Knobs& knobs) {
    if (!is_token(value)) return false;
    knobs.affinity_header = value;
    return true;
}
Text write_header(const Knobs& knobs) {
    if (knobs.affinity_header.empty()) return std::nullopt;
    return knobs.affinity_header;
}

// "a.b.c" or "header:NAME"; the empty text takes a preset's key away.
bool read_model_key(std::string_view value, Knobs& knobs) {
    constexpr std::string_view header = "header:";
    const bool good =
        value.empty() ||
        (value.starts_with(header)
             ? is_token(value.substr(header.size()))
             : value.find_first_of(" \t\r\n") == value.npos && !value.starts_with('.') &&
                   !value.ends_with('.') && value.find("..") == value.npos);
    if (!good) return false;
    knobs.model_key = value;
    return true;
}
Text write_model_key(const Knobs& knobs) {
    return knobs.model_key;
}

// Takes the preset over as a whole: it is the first row, so the others override it.
bool read_app(std::string_view value, Knobs& knobs) {
    const auto* preset = find_app_preset(value);
    if (preset == nullptr) return false;
    knobs.app = value;
    knobs.control_paths.clear();
    for (const auto path : preset->control_paths)
        knobs.control_paths.push_back(parse_path_pattern(path).value());
    knobs.deny_paths.clear();
    for (const auto path : preset->deny_paths)
        knobs.deny_paths.push_back(parse_path_pattern(path).value());
    return read_interrupt_path(preset->interrupt_path, knobs) &&
           read_model_key(preset->model_key, knobs);
}
Text write_app(const Knobs& knobs) {
    if (knobs.app.empty()) return std::nullopt;
    return knobs.app;
}

bool read_affinity(std::string_view value, Knobs& knobs) {
    if (value != "cookie") return false;
    knobs.affinity.enabled = true;
    return true;
}
Text write_affinity(const Knobs& knobs) {
    if (!knobs.affinity.enabled) return std::nullopt;
    return "cookie";
}
bool read_cookie_name(std::string_view value, Knobs& knobs) {
    if (!is_token(value) || value.size() > 64) return false;
    knobs.affinity.cookie_name = value;
    return true;
}
Text write_cookie_name(const Knobs& knobs) {
    return knobs.affinity.cookie_name;
}
bool read_cookie_timeout(std::string_view value, Knobs& knobs) {
    const auto seconds = parse_int(value);
    if (!seconds || *seconds < 1 || *seconds > 31'536'000) return false;
    knobs.affinity.timeout = std::chrono::seconds(*seconds);
    return true;
}
Text write_cookie_timeout(const Knobs& knobs) {
    return std::to_string(knobs.affinity.timeout.count());
}

constexpr std::string_view a_duration = "a duration of more than 0s and at most 24h, like 90s";
constexpr std::string_view a_wait = "a duration from 0s to 24h, like 15s";
constexpr std::string_view true_or_false = "true or false";
constexpr std::string_view a_path_list =
    "a comma-separated list of /path, /prefix* or METHOD /path";

using K = Knobs;
constexpr auto activator_reads = KnobReader::activator;
constexpr auto proxy_reads = KnobReader::queue_proxy;

constexpr std::array rows{
    KnobRow{"sluice.dev/app", "the name of a preset: a1111", "none",
            "Application preset: control-paths, deny-paths, interrupt-path, model-key and, where "
            "the service has no probe, readiness",
            KnobReader::both, "SLUICE_APP", read_app, write_app},
    KnobRow{"sluice.dev/queue-limit", "an integer from 1 to 1000000", "10000",
            "Requests that may wait at once; one more gets 503", activator_reads, "",
            read_count<&K::queue_limit, 1, 1'000'000>, write_count<&K::queue_limit>},
    KnobRow{"sluice.dev/queue-bytes", "a size from 64Ki to 1Ti, like 64Mi", "64Mi",
            "Bytes of heads and bodies held for waiting requests, in the whole process",
            activator_reads, "",
            read_bytes<&K::queue_bytes, std::uint64_t{64} << 10, std::uint64_t{1} << 40>,
            write_bytes<&K::queue_bytes>},
    KnobRow{"sluice.dev/cold-start-timeout", a_duration, "10m0s",
            "Longest wait while no pod is ready; then 504", activator_reads, "",
            read_duration<&K::cold_start_timeout, 1>, write_duration<&K::cold_start_timeout>},
    KnobRow{"sluice.dev/queue-timeout", a_duration, "timeoutSeconds",
            "Longest wait while pods are ready but busy; then 504", activator_reads, "",
            read_duration<&K::queue_timeout, 1>, write_optional_duration<&K::queue_timeout>},
    KnobRow{"serving.knative.dev.alibabacloud/affinity", "\"cookie\"", "off",
            "Keeps a browser session on its pod (on the Service's own metadata)", activator_reads,
            "", read_affinity, write_affinity},
    KnobRow{"serving.knative.dev.alibabacloud/cookie-name",
            "a cookie name of at most 64 characters", "sluice", "Name of the affinity cookie",
            activator_reads, "", read_cookie_name, write_cookie_name},
    KnobRow{"serving.knative.dev.alibabacloud/cookie-timeout",
            "a number of seconds from 1 to 31536000", "1800",
            "Seconds without a request after which a session ends", activator_reads, "",
            read_cookie_timeout, write_cookie_timeout},
    KnobRow{"sluice.dev/affinity-patience", a_wait,
            "as long as the pod lives; 0s if it names its model",
            "How long a pinned request waits for its pod before it takes any free one",
            activator_reads, "", read_duration<&K::affinity_patience, 0>,
            write_optional_duration<&K::affinity_patience>},
    KnobRow{"sluice.dev/affinity-lifetime", a_duration, "no end",
            "Longest life of a session, besides its idle timeout", activator_reads, "",
            read_duration<&K::affinity_lifetime, 1>,
            write_optional_duration<&K::affinity_lifetime>},
    KnobRow{"sluice.dev/affinity-header", "the name of a header", "none",
            "Request header whose value is the session key, instead of a cookie", activator_reads,
            "", read_header, write_header},
    KnobRow{"sluice.dev/retry-on-pod-loss", true_or_false, "false",
            "A request that may have started on a pod that is lost runs again on another",
            activator_reads, "", read_bool<&K::retry_on_pod_loss>,
            write_bool<&K::retry_on_pod_loss>},
    KnobRow{"sluice.dev/retry-limit", "an integer from 0 to 10", "2",
            "How often one request that may have started is run again at most", activator_reads, "",
            read_count<&K::retry_limit, 0, 10>, write_count<&K::retry_limit>},
    KnobRow{"sluice.dev/replay-bytes", "a size from 0 to 1Gi, like 1Mi", "1Mi",
            "Largest request body that is kept for running again (and looked into for model-key)",
            activator_reads, "", read_bytes<&K::replay_bytes, 0, std::uint64_t{1} << 30>,
            write_bytes<&K::replay_bytes>},
    KnobRow{"sluice.dev/on-disconnect", "finish, interrupt or close",
            "finish (close if containerConcurrency is 0)",
            "A running request whose client left: hold its slot until the answer ends, also call "
            "interrupt-path, or close (stock)",
            proxy_reads, "SLUICE_ON_DISCONNECT", read_on_disconnect, write_on_disconnect},
    KnobRow{"sluice.dev/interrupt-path", "a path with an optional method, like POST /stop", "none",
            "Called once on the application to end the job of a departed client", proxy_reads,
            "SLUICE_INTERRUPT_PATH", read_interrupt_path, write_interrupt_path},
    KnobRow{"sluice.dev/slot-hold-max", a_duration, "timeoutSeconds",
            "Longest time that the slot of a departed or timed-out request stays taken",
            proxy_reads, "SLUICE_SLOT_HOLD_MAX", read_duration<&K::slot_hold_max, 1>,
            write_optional_duration<&K::slot_hold_max>},
    KnobRow{"sluice.dev/control-paths", a_path_list, "none",
            "Requests that take no slot: progress, interrupt, assets, event streams",
            KnobReader::both, "SLUICE_CONTROL_PATHS", read_paths<&K::control_paths>,
            write_paths<&K::control_paths>},
    KnobRow{"sluice.dev/control-limit", "an integer from 1 to 10000", "100",
            "Control requests that run at once on a pod", proxy_reads, "SLUICE_CONTROL_LIMIT",
            read_count<&K::control_limit, 1, 10'000>, write_count<&K::control_limit>},
    KnobRow{"sluice.dev/deny-paths", a_path_list, "none",
            "Requests that the router refuses with 403", activator_reads, "",
            read_paths<&K::deny_paths>, write_paths<&K::deny_paths>},
    KnobRow{"sluice.dev/model-key", "a JSON field path like a.b, or header:NAME", "none",
            "Where a request says which model it wants; a pod that has it is preferred",
            activator_reads, "", read_model_key, write_model_key},
    KnobRow{"sluice.dev/model-patience", a_wait, "grows with the backlog",
            "How long a request may be passed over by requests for the model that a free pod has",
            activator_reads, "", read_duration<&K::model_patience, 0>,
            write_optional_duration<&K::model_patience>},
    KnobRow{
        "sluice.dev/shape-reports", true_or_false, "false",
        "In Knative: a request counts as one slot in the reports to a stock autoscaler, without "
        "the headroom of its target utilization: one request asks for one pod, not two",
        activator_reads, "", read_bool<&K::shape_reports>, write_bool<&K::shape_reports>},
    KnobRow{
        "sluice.dev/wait-target", a_duration, "none",
        "With shape-reports: how long a request may wait for a busy pod. What the pods will get "
        "to within this time, judged by how long requests took lately, asks for no further pod",
        activator_reads, "", read_duration<&K::wait_target, 1>,
        write_optional_duration<&K::wait_target>},
    KnobRow{
        "sluice.dev/inject", true_or_false, "false",
        "Standalone: the webhook adds the queue-proxy to the pods (a label, like an annotation)",
        KnobReader::webhook, "", read_bool<&K::inject>, write_bool<&K::inject>},
    KnobRow{"sluice.dev/container-concurrency", "an integer from 0 to 1000", "1",
            "Standalone: requests that the application gets at once; 0: no limit",
            KnobReader::standalone, "", read_count<&K::container_concurrency, 0, 1000>,
            write_count<&K::container_concurrency>},
    KnobRow{"sluice.dev/timeout-seconds", "an integer from 1 to 86400", "300",
            "Standalone: longest time of a request at its pod", KnobReader::standalone, "",
            read_count<&K::timeout_seconds, 1, 86'400>, write_count<&K::timeout_seconds>},
};

std::string_view reader_text(KnobReader reader) {
    switch (reader) {
        case KnobReader::activator:
            return "activator, sluice";
        case KnobReader::queue_proxy:
            return "queue-proxy";
        case KnobReader::both:
            return "activator, sluice, queue-proxy";
        case KnobReader::webhook:
            return "webhook";
        case KnobReader::standalone:
            return "webhook, activator";
    }
    return "";
}

}  // namespace

std::string_view to_text(OnDisconnect policy) {
    switch (policy) {
        case OnDisconnect::finish:
            return "finish";
        case OnDisconnect::interrupt:
            return "interrupt";
        case OnDisconnect::close:
            return "close";
    }
    return "";
}

OnDisconnect on_disconnect_for(const Knobs& knobs, std::int64_t container_concurrency) {
    const auto fallback = container_concurrency >= 1 ? OnDisconnect::finish : OnDisconnect::close;
    return knobs.on_disconnect.value_or(fallback);
}

std::span<const KnobRow> knob_rows() {
    return rows;
}

std::vector<std::string> knob_names() {
    std::vector<std::string> names;
    for (const auto& row : rows)
        names.emplace_back(row.name);
    return names;
}

std::string knobs_markdown_table() {
    std::string table =
        "| annotation | value | default | what it does | read by | queue-proxy variable |\n"
        "|---|---|---|---|---|---|\n";
    for (const auto& row : rows) {
        table += "| `" + std::string(row.name) + "` | " + std::string(row.valid) + " | " +
                 std::string(row.default_text) + " | " + std::string(row.meaning) + " | " +
                 std::string(reader_text(row.reader)) + " | ";
        table += row.env.empty() ? "" : "`" + std::string(row.env) + "` ";
        table += "|\n";
    }
    return table;
}

}  // namespace common
