// Service files. A bad one gives problems with lines and without line breaks; a good one, services
// that everything after it relies on.
#include <algorithm>
#include <string>

#include "sluice/service/service_file.hpp"
#include "tests/fuzz/fuzz.hpp"

FUZZ_TARGET(data, size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const sluice::ServiceFile file = sluice::read_service_text(text);
    const auto lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
    for (const sluice::Problem& problem : file.problems) {
        HOLDS(problem.line >= 0 && problem.line <= lines);
        HOLDS(!problem.message.empty());
        HOLDS(problem.message.find('\n') == std::string::npos);
        HOLDS(problem.field.find('\n') == std::string::npos);
    }
    if (file.has_errors()) return 0;
    HOLDS(!file.services.empty());
    for (const sluice::ServiceSpec& service : file.services) {
        HOLDS(!service.name.empty() && service.name.size() <= 63);
        HOLDS(!service.revision.empty());
        HOLDS(service.container_concurrency >= 0 && service.container_concurrency <= 1000);
        HOLDS(service.timeout_seconds > 0);
        HOLDS(service.termination_grace_seconds >= 0);
    }
    return 0;
}
