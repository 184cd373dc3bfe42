#include "activator/pod_file.hpp"

#include <limits>
#include <set>

#include <nlohmann/json.hpp>

namespace activator {
namespace {

using nlohmann::json;

class Reader {
  public:
    explicit Reader(PodFile& file) : file_(file) {}

    void read(const json& root) {
        if (!root.is_object() || !root.contains("revisions") || !root["revisions"].is_array()) {
            problem("revisions", "must be an array");
            return;
        }
        for (std::size_t i = 0; i < root["revisions"].size(); ++i)
            read_revision(root["revisions"][i], "revisions[" + std::to_string(i) + "]");
    }

  private:
    void problem(const std::string& field, const std::string& reason) {
        file_.problems.push_back(field + ": " + reason);
    }

    std::string text(const json& object, const std::string& place, const char* name,
                     bool required) {
        const auto it = object.find(name);
        const bool missing = it == object.end();
        const bool good =
            missing ? !required : it->is_string() && !it->get_ref<const std::string&>().empty();
        if (!good) problem(place + "." + name, "must be a text that is not empty");
        return missing || !good ? std::string() : it->get<std::string>();
    }

    std::int64_t number(const json& object, const std::string& place, const char* name,
                        std::int64_t fallback, std::int64_t min, std::int64_t max) {
        const auto it = object.find(name);
        if (it == object.end()) return fallback;
        const bool whole = it->is_number_integer() &&
                           (!it->is_number_unsigned() ||
                            it->get<std::uint64_t>() <= static_cast<std::uint64_t>(max));
        if (whole && it->get<std::int64_t>() >= min && it->get<std::int64_t>() <= max)
            return it->get<std::int64_t>();
        problem(place + "." + name,
                "must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
        return fallback;
    }

    void read_revision(const json& object, const std::string& place) {
        if (!object.is_object()) {
            problem(place, "must be an object");
            return;
        }
        ListedRevision listed;
        Revision& revision = listed.revision;
        revision.name_space = text(object, place, "namespace", true);
        revision.name = text(object, place, "name", true);
        revision.service = text(object, place, "service", false);
        revision.concurrency = static_cast<std::uint32_t>(
            number(object, place, "containerConcurrency", 0, 0, 1000));  // Knative's upper bound
        revision.timeout =
            std::chrono::seconds(number(object, place, "timeoutSeconds", 300, 1, 86400));
        revision.response_start_timeout =
            std::chrono::seconds(number(object, place, "responseStartTimeoutSeconds", 0, 0, 86400));
        revision.idle_timeout =
            std::chrono::seconds(number(object, place, "idleTimeoutSeconds", 0, 0, 86400));
        read_knobs(object, place, revision);
        read_pods(object, place, listed);
        if (!names_.insert(revision.name_space + "/" + revision.name).second)
            problem(place, "a second revision of this namespace and name");
        file_.revisions.push_back(std::move(listed));
    }

    void read_knobs(const json& object, const std::string& place, Revision& revision) {
        const auto it = object.find("annotations");
        if (it == object.end()) return;
        if (!it->is_object()) {
            problem(place + ".annotations", "must be an object");
            return;
        }
        std::vector<std::pair<std::string, std::string>> annotations;
        for (const auto& [name, value] : it->items()) {
            if (value.is_string()) {
                annotations.emplace_back(name, value.get<std::string>());
            } else {
                problem(place + ".annotations." + name, "must be a text");
            }
        }
        common::KnobsResult result = common::parse_knobs(annotations);
        for (const common::KnobProblem& wrong : result.problems) {
            if (wrong.is_error) problem(place + ".annotations." + wrong.annotation, wrong.message);
        }
        revision.knobs = std::move(result.knobs);
    }

    void read_pods(const json& object, const std::string& place, ListedRevision& listed) {
        const auto it = object.find("pods");
        if (it == object.end()) return;
        if (!it->is_array()) {
            problem(place + ".pods", "must be an array");
            return;
        }
        std::set<std::string> names;
        for (std::size_t i = 0; i < it->size(); ++i) {
            const std::string where = place + ".pods[" + std::to_string(i) + "]";
            const json& entry = (*it)[i];
            if (!entry.is_object()) {
                problem(where, "must be an object");
                continue;
            }
            ListedPod pod;
            pod.name = text(entry, where, "name", true);
            const auto address = common::parse_address(text(entry, where, "address", true));
            if (!address || address->host.empty() || address->port == 0) {
                problem(where + ".address", "must be IP:PORT (10.0.0.7:8012, [fd00::7]:8012)");
            } else {
                pod.address = *address;
            }
            if (!names.insert(pod.name).second)
                problem(where + ".name", "a second pod of this name");
            listed.pods.push_back(std::move(pod));
        }
    }

    PodFile& file_;
    std::set<std::string> names_;
};

}  // namespace

PodFile parse_pod_file(std::string_view text) {
    PodFile file;
    const json root = json::parse(text, nullptr, false);
    if (root.is_discarded()) {
        file.problems.push_back("not JSON");
    } else {
        Reader(file).read(root);
    }
    if (!file.problems.empty()) file.revisions.clear();
    return file;
}

}  // namespace activator
