#include "autoscaler/config.hpp"

#include <array>
#include <chrono>
#include <limits>

#include "common/core/parse.hpp"

namespace autoscaler {

using common::Duration;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

constexpr std::array<std::string_view, 20> keys{"container-concurrency-target-percentage",
                                                "container-concurrency-target-default",
                                                "requests-per-second-target-default",
                                                "target-burst-capacity",
                                                "stable-window",
                                                "panic-window-percentage",
                                                "panic-threshold-percentage",
                                                "max-scale-up-rate",
                                                "max-scale-down-rate",
                                                "enable-scale-to-zero",
                                                "scale-to-zero-grace-period",
                                                "scale-to-zero-pod-retention-period",
                                                "scale-down-delay",
                                                "activator-capacity",
                                                "initial-scale",
                                                "allow-zero-initial-scale",
                                                "min-scale",
                                                "max-scale",
                                                "max-scale-limit",
                                                "pod-autoscaler-class"};

// Reads keys into fields and notes what does not parse.
class Reader {
  public:
    Reader(std::span<const KeyValue> data, std::vector<Problem>& problems)
        : data_(data), problems_(problems) {}

    template <class Value, class Parse>
    void read(std::string_view key, Value& field, Parse parse, std::string_view kind) {
        const std::string* text = find(key);
        if (text == nullptr) return;
        if (const auto value = parse(*text)) {
            field = *value;
        } else {
            fail(key, kind);
        }
    }

    void number(std::string_view key, double& field) {
        read(key, field, common::parse_number, "a number");
    }
    void count(std::string_view key, PodCount& field) {
        read(key, field, parse_pod_count, "a whole number");
    }
    void duration(std::string_view key, Duration& field) {
        read(key, field, common::parse_go_duration, "a duration such as 60s or 5m");
    }
    void boolean(std::string_view key, bool& field) {
        read(key, field, common::parse_go_bool, "true or false");
    }

    // Reports `key` unless `valid` holds; `range` completes "must be ...".
    void require(bool valid, std::string_view key, std::string_view range) {
        if (!valid) fail(key, range);
    }

    const std::string* find(std::string_view key) const {
        for (const KeyValue& entry : data_) {
            if (entry.first == key) return &entry.second;
        }
        return nullptr;
    }

  private:
    void fail(std::string_view key, std::string_view range) {
        for (const Problem& problem : problems_) {
            if (problem.name == key) return;  // one line per key
        }
        std::string text(key);
        if (const std::string* value = find(key)) text += ": \"" + *value + "\"";
        text += " must be ";
        text += range;
        problems_.push_back({std::string(key), std::move(text)});
    }

    std::span<const KeyValue> data_;
    std::vector<Problem>& problems_;
};

void read_all(Reader& reader, Config& config) {
    reader.number("container-concurrency-target-percentage", config.concurrency_target_fraction);
    reader.number("container-concurrency-target-default", config.concurrency_target_default);
    reader.number("requests-per-second-target-default", config.rps_target_default);
    reader.number("target-burst-capacity", config.target_burst_capacity);
    reader.duration("stable-window", config.stable_window);
    reader.number("panic-window-percentage", config.panic_window_percentage);
    reader.number("panic-threshold-percentage", config.panic_threshold_percentage);
    reader.number("max-scale-up-rate", config.max_scale_up_rate);
    reader.number("max-scale-down-rate", config.max_scale_down_rate);
    reader.boolean("enable-scale-to-zero", config.enable_scale_to_zero);
    reader.duration("scale-to-zero-grace-period", config.scale_to_zero_grace_period);
    reader.duration("scale-to-zero-pod-retention-period",
                    config.scale_to_zero_pod_retention_period);
    reader.duration("scale-down-delay", config.scale_down_delay);
    reader.number("activator-capacity", config.activator_capacity);
    reader.count("initial-scale", config.initial_scale);
    reader.boolean("allow-zero-initial-scale", config.allow_zero_initial_scale);
    reader.count("min-scale", config.min_scale);
    reader.count("max-scale", config.max_scale);
    reader.count("max-scale-limit", config.max_scale_limit);
    if (const std::string* name = reader.find("pod-autoscaler-class")) {
        config.pod_autoscaler_class = *name;
    }
    // Values above 1 are percentages, others fractions already (section 2).
    double& fraction = config.concurrency_target_fraction;
    if (fraction > 1) fraction /= 100;
}

void check_targets(Reader& reader, const Config& config) {
    constexpr double least = 0.01;
    const double fraction = config.concurrency_target_fraction;
    reader.require(fraction > 0 && fraction <= 1, "container-concurrency-target-percentage",
                   "more than 0 and at most 100 (percent; up to 1 is a fraction)");
    reader.require(fraction * config.concurrency_target_default >= least,
                   "container-concurrency-target-default",
                   "at least 0.01 after multiplying with container-concurrency-target-percentage");
    reader.require(config.rps_target_default >= least, "requests-per-second-target-default",
                   "at least 0.01");
    const double burst = config.target_burst_capacity;
    reader.require(burst >= 0 || burst == -1, "target-burst-capacity",
                   "at least 0, or -1 for unlimited");
    reader.require(config.activator_capacity >= 1, "activator-capacity", "at least 1");
}

void check_rates_and_windows(Reader& reader, const Config& config) {
    reader.require(config.stable_window >= seconds(6) && config.stable_window <= hours(1) &&
                       config.stable_window % seconds(1) == Duration::zero(),
                   "stable-window", "6s to 1h in whole seconds");
    const double panic = config.panic_window_percentage;
    reader.require(panic >= 1 && panic <= 100, "panic-window-percentage", "1 to 100");
    reader.require(config.max_scale_up_rate > 1, "max-scale-up-rate", "more than 1");
    reader.require(config.max_scale_down_rate > 1, "max-scale-down-rate", "more than 1");
    reader.require(config.scale_to_zero_grace_period > Duration::zero(),
                   "scale-to-zero-grace-period", "more than 0s");
    reader.require(config.scale_to_zero_pod_retention_period >= Duration::zero(),
                   "scale-to-zero-pod-retention-period", "0s or more");
    reader.require(config.scale_down_delay >= Duration::zero() &&
                       config.scale_down_delay % seconds(1) == Duration::zero(),
                   "scale-down-delay", "0s or more in whole seconds");
}

void check_scales(Reader& reader, const Config& config) {
    const PodCount least = config.allow_zero_initial_scale ? 0 : 1;
    reader.require(config.initial_scale >= least, "initial-scale",
                   least == 0 ? "0 or more" : "at least 1 (0 needs allow-zero-initial-scale)");
    reader.require(config.min_scale >= 0, "min-scale", "0 or more");
    reader.require(config.max_scale >= 0, "max-scale", "0 (none) or more");
    reader.require(config.max_scale == 0 || config.max_scale >= config.min_scale, "max-scale",
                   "0 (none), or at least min-scale " + std::to_string(config.min_scale));
    const PodCount limit = config.max_scale_limit;
    reader.require(limit >= 0, "max-scale-limit", "0 (none) or more");
    reader.require(limit <= 0 || (config.max_scale >= 1 && config.max_scale <= limit), "max-scale",
                   "1 to max-scale-limit " + std::to_string(limit));
}

}  // namespace

ParsedConfig parse_config(std::span<const KeyValue> data) {
    ParsedConfig parsed;
    Reader reader(data, parsed.problems);
    read_all(reader, parsed.config);
    check_targets(reader, parsed.config);
    check_rates_and_windows(reader, parsed.config);
    check_scales(reader, parsed.config);
    return parsed;
}

std::optional<PodCount> parse_pod_count(std::string_view text) {
    const std::optional<std::int64_t> value = common::parse_int(text);
    if (!value || *value < std::numeric_limits<PodCount>::min() ||
        *value > std::numeric_limits<PodCount>::max()) {
        return std::nullopt;
    }
    return static_cast<PodCount>(*value);
}

std::span<const std::string_view> config_keys() {
    return keys;
}

}  // namespace autoscaler
