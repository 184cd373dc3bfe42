#include "sluice/service/service_file.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <tuple>

#include "common/config/app_presets.hpp"
#include "common/core/nearest.hpp"
#include "sluice/service/load_documents.hpp"
#include "sluice/service/read_annotations.hpp"
#include "sluice/service/read_container.hpp"
#include "sluice/service/yaml_field.hpp"

namespace sluice {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{4} << 20;
constexpr std::int64_t timeout_seconds_max = 600;  // config-defaults max-revision-timeout-seconds
constexpr std::int64_t seconds_max = 86'400;
constexpr std::int64_t concurrency_max = 1000;  // config-defaults container-concurrency-max-limit

// DNS-1035, which Knative wants for Services, or DNS-1123 if a digit may come first.
bool is_dns_label(std::string_view name, bool digit_first) {
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (name.empty() || name.size() > 63 || name.back() == '-') return false;
    if (!lower(name.front()) && !(digit_first && digit(name.front()))) return false;
    return std::all_of(name.begin(), name.end(),
                       [&](char c) { return lower(c) || digit(c) || c == '-'; });
}

void read_names(const YamlField& document, ServiceSpec& service) {
    const auto metadata = document.find_map("metadata");
    if (!metadata) {
        document.error_at("metadata.name", "is missing");
        return;
    }
    if (const auto name = metadata->require("name")) {
        service.name = name->text().value_or("");
        if (!is_dns_label(service.name, false))
            name->error("\"" + service.name +
                        "\" is not a service name: at most 63 lower-case letters, digits and '-', "
                        "a letter first, no '-' last");
    }
    if (const auto name_space = metadata->find("namespace")) {
        service.name_space = name_space->text().value_or("default");
        if (!is_dns_label(service.name_space, true))
            name_space->error("\"" + service.name_space + "\" is not a namespace's name");
    }
    metadata->warn_unknown({"name", "namespace", "annotations", "labels", "creationTimestamp",
                            "generation", "resourceVersion", "uid", "finalizers", "managedFields",
                            "ownerReferences", "selfLink"});
}

void read_revision_name(const std::optional<YamlField>& metadata, ServiceSpec& service) {
    service.revision = service.name + "-00001";
    if (!metadata) return;
    if (const auto name = metadata->find("name")) {
        const auto text = name->text().value_or("");
        if (text.starts_with(service.name + "-") && is_dns_label(text, false))
            service.revision = text;
        else
            name->error("\"" + text + "\" is not a revision name: it must begin with \"" +
                        service.name + "-\"");
    }
    metadata->warn_unknown({"name", "annotations", "labels", "creationTimestamp", "namespace"});
}

// 0 is "not set" for all of them, as in Knative's webhook.
void read_timeouts(const YamlField& spec, ServiceSpec& service) {
    if (const auto total = spec.integer_of("timeoutSeconds", 0, seconds_max)) {
        if (*total != 0) service.timeout_seconds = *total;
        if (*total > timeout_seconds_max)
            spec.find("timeoutSeconds")
                ->warn(
                    "is more than 600, a stock cluster refuses it "
                    "(config-defaults: max-revision-timeout-seconds)");
    }
    const auto read_part = [&](const char* name, std::int64_t& seconds) {
        seconds = spec.integer_of(name, 0, seconds_max).value_or(0);
        if (seconds <= service.timeout_seconds) return;
        spec.find(name)->error("must be at most timeoutSeconds (" +
                               std::to_string(service.timeout_seconds) + ")");
        seconds = 0;
    };
    read_part("responseStartTimeoutSeconds", service.response_start_timeout_seconds);
    read_part("idleTimeoutSeconds", service.idle_timeout_seconds);
    service.termination_grace_seconds =
        spec.integer_of("terminationGracePeriodSeconds", 0, seconds_max)
            .value_or(service.timeout_seconds);
}

std::string_view preset_readiness(const ServiceSpec& service) {
    const auto* preset = common::find_app_preset(service.knobs.app);
    return preset == nullptr ? std::string_view() : preset->readiness_path;
}

void read_revision_spec(const YamlField& spec, ServiceSpec& service) {
    const auto concurrency = spec.integer_of("containerConcurrency", 0, concurrency_max);
    service.container_concurrency = concurrency.value_or(0);
    read_timeouts(spec, service);
    const auto containers = spec.find_list("containers");
    if (containers.empty()) {
        spec.error_at("containers", "needs one container");
    } else {
        if (containers.size() > 1)
            containers[1].error("a second container (sidecar) is not supported on one machine");
        service.container = read_container(containers.front(), preset_readiness(service));
    }
    if (const auto init = spec.find("initContainers"))
        init->error("are not supported on one machine");
    spec.warn_unknown(
        {"containers", "initContainers", "containerConcurrency", "timeoutSeconds",
         "responseStartTimeoutSeconds", "idleTimeoutSeconds", "terminationGracePeriodSeconds",
         "enableServiceLinks", "serviceAccountName", "imagePullSecrets"},
        {"volumes", "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints",
         "runtimeClassName", "schedulerName", "priorityClassName", "securityContext",
         "automountServiceAccountToken", "hostAliases", "dnsPolicy", "dnsConfig", "hostNetwork",
         "hostIPC", "hostPID", "shareProcessNamespace", "restartPolicy"});
}

ServiceSpec read_service(const YamlField& document, const autoscaler::Config& config) {
    ServiceSpec service;
    service.line = document.line();
    read_names(document, service);
    document.warn_unknown({"apiVersion", "kind", "metadata", "spec", "status"});
    const auto spec = document.find_map("spec");
    const auto revision = spec ? spec->find_map("template") : std::nullopt;
    const auto metadata = document.find_map("metadata");
    const auto template_metadata = revision ? revision->find_map("metadata") : std::nullopt;
    read_annotations(metadata, template_metadata, config, service);
    read_revision_name(template_metadata, service);
    if (!revision) {
        document.error_at("spec.template", "is missing");
        return service;
    }
    spec->warn_unknown({"template"}, {"traffic"});
    revision->warn_unknown({"metadata", "spec"});
    if (const auto revision_spec = revision->find_map("spec"))
        read_revision_spec(*revision_spec, service);
    else
        revision->error_at("spec", "is missing");
    return service;
}

void read_config_map(const YamlField& document, ServiceFile& file) {
    file.has_autoscaler_config = true;
    const auto data = document.find_map("data");
    if (!data) return;
    std::vector<autoscaler::KeyValue> pairs;
    const auto entries = data->entries();
    const auto keys = autoscaler::config_keys();
    for (const auto& [name, field] : entries) {
        pairs.emplace_back(name, field.text().value_or(""));
        if (name.starts_with('_') || std::find(keys.begin(), keys.end(), name) != keys.end())
            continue;
        std::string message = "unknown key, ignored";
        const std::vector<std::string> candidates(keys.begin(), keys.end());
        if (const auto near = common::nearest_name(name, candidates))
            message += "; did you mean " + *near + "?";
        field.warn(std::move(message));
    }
    auto parsed = autoscaler::parse_config(pairs);
    for (const auto& problem : parsed.problems) {
        const auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
            return entry.first == problem.name;
        });
        (at == entries.end() ? *data : at->second).error(problem.text);
    }
    if (parsed.problems.empty()) file.autoscaler = std::move(parsed.config);
}

enum class DocumentKind : std::uint8_t { service, autoscaler_config, other };

DocumentKind classify(const YamlField& document) {
    if (!document.is_map()) {
        document.error("is not a Kubernetes object");
        return DocumentKind::other;
    }
    const auto kind = document.require("kind");
    const auto version = document.require("apiVersion");
    if (!kind || !version) return DocumentKind::other;
    const auto kind_text = kind->raw_scalar().value_or("");
    const auto version_text = version->raw_scalar().value_or("");
    if (kind_text == "Service" && version_text == "serving.knative.dev/v1")
        return DocumentKind::service;
    if (kind_text == "Service" && version_text.starts_with("serving.knative.dev/")) {
        version->error("must be serving.knative.dev/v1, not \"" + version_text + "\"");
        return DocumentKind::other;
    }
    const auto metadata = document.find("metadata");
    if (kind_text == "ConfigMap" && metadata && metadata->text_of("name") == "config-autoscaler")
        return DocumentKind::autoscaler_config;
    kind->warn("a " + kind_text + " of " + version_text + " is ignored (only Services of " +
               "serving.knative.dev/v1 and the ConfigMap config-autoscaler are read)");
    return DocumentKind::other;
}

void add_service(const YamlField& document, ServiceFile& file) {
    auto service = read_service(document, file.autoscaler);
    for (const auto& other : file.services)
        if (other.name == service.name && other.name_space == service.name_space)
            document.error_at("metadata.name", "\"" + service.name + "\" is in the file twice");
    file.services.push_back(std::move(service));
}

std::string first_line(std::string_view text) {
    return std::string(text.substr(0, text.find('\n')));
}

// What a problem quotes comes from the file: control bytes are not let through to a terminal.
std::string in_one_line(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
    }
    return text;
}

}  // namespace

bool ServiceFile::has_errors() const {
    return std::any_of(problems.begin(), problems.end(),
                       [](const Problem& problem) { return problem.severity == Severity::error; });
}

ServiceFile read_service_text(std::string_view text) {
    ServiceFile file;
    try {
        std::vector<YamlField> services;
        for (const auto& node : load_documents(std::string(text))) {
            if (node.IsNull() || !node.IsDefined()) continue;
            const YamlField document(node, "", file.problems);
            const auto kind = classify(document);
            // The ConfigMap's limits hold for all Services, also for those before it.
            if (kind == DocumentKind::autoscaler_config) read_config_map(document, file);
            if (kind == DocumentKind::service) services.push_back(document);
        }
        for (const auto& document : services)
            add_service(document, file);
    } catch (const YAML::Exception& error) {
        file.problems.push_back({Severity::error, error.mark.is_null() ? 0 : error.mark.line + 1,
                                 "", "is not YAML: " + first_line(error.msg)});
        return file;
    }
    if (file.services.empty() && !file.has_errors())
        file.problems.push_back(
            {Severity::error, 0, "", "has no Service of serving.knative.dev/v1"});
    for (Problem& problem : file.problems) {
        problem.message = in_one_line(std::move(problem.message));
        problem.field = in_one_line(std::move(problem.field));
    }
    std::sort(file.problems.begin(), file.problems.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.line, a.field, a.message) < std::tie(b.line, b.field, b.message);
    });
    return file;
}

ServiceFile read_service_file(const std::string& path) {
    ServiceFile file;
    const auto fail = [&](std::string message) {
        file.problems.push_back({Severity::error, 0, "", std::move(message)});
        return file;
    };
    std::error_code status;
    if (std::filesystem::is_directory(path, status)) return fail("is a directory");
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return fail("cannot be read: " + std::generic_category().message(errno));
    std::string text(file_bytes_max + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad()) return fail("cannot be read: " + std::generic_category().message(errno));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > file_bytes_max) return fail("is larger than 4 MiB");
    return read_service_text(text);
}

}  // namespace sluice
