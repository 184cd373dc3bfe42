#include "autoscaler/annotations.hpp"

#include <array>
#include <chrono>
#include <vector>

#include "common/core/parse.hpp"

namespace autoscaler {

using common::Duration;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

struct Name {
    std::string_view now;
    std::string_view old{};  // empty: there never was another spelling
};

#define AUTOSCALING "autoscaling.knative.dev/"
constexpr Name class_name{AUTOSCALING "class"};
constexpr Name metric{AUTOSCALING "metric"};
constexpr Name target{AUTOSCALING "target"};
constexpr Name utilization{AUTOSCALING "target-utilization-percentage",
                           AUTOSCALING "targetUtilizationPercentage"};
constexpr Name burst{AUTOSCALING "target-burst-capacity", AUTOSCALING "targetBurstCapacity"};
constexpr Name window{AUTOSCALING "window"};
constexpr Name panic_window_share{AUTOSCALING "panic-window-percentage",
                                  AUTOSCALING "panicWindowPercentage"};
constexpr Name panic_threshold{AUTOSCALING "panic-threshold-percentage",
                               AUTOSCALING "panicThresholdPercentage"};
constexpr Name min_scale{AUTOSCALING "min-scale", AUTOSCALING "minScale"};
constexpr Name max_scale{AUTOSCALING "max-scale", AUTOSCALING "maxScale"};
constexpr Name initial_scale{AUTOSCALING "initial-scale", AUTOSCALING "initialScale"};
constexpr Name activation_scale{AUTOSCALING "activation-scale"};
constexpr Name scale_down_delay{AUTOSCALING "scale-down-delay", AUTOSCALING "scaleDownDelay"};
constexpr Name retention{AUTOSCALING "scale-to-zero-pod-retention-period",
                         AUTOSCALING "scaleToZeroPodRetentionPeriod"};
constexpr Name aggregation{AUTOSCALING "metric-aggregation-algorithm",
                           AUTOSCALING "metricAggregationAlgorithm"};
constexpr Name progress_deadline{"serving.knative.dev/progress-deadline"};
#undef AUTOSCALING

constexpr std::array all_names{class_name,         metric,          target,
                               utilization,        burst,           window,
                               panic_window_share, panic_threshold, min_scale,
                               max_scale,          initial_scale,   activation_scale,
                               scale_down_delay,   retention,       aggregation,
                               progress_deadline};

constexpr std::string_view kpa_class = "kpa.autoscaling.knative.dev";
constexpr std::string_view hpa_class = "hpa.autoscaling.knative.dev";

class Reader {
  public:
    Reader(std::span<const KeyValue> annotations, std::vector<Problem>& problems)
        : annotations_(annotations), problems_(problems) {}

    // The entry as the user spelt it, or null.
    const KeyValue* find(const Name& name) const {
        for (const std::string_view spelling : {name.now, name.old}) {
            if (spelling.empty()) continue;
            for (const KeyValue& entry : annotations_) {
                if (entry.first == spelling) return &entry;
            }
        }
        return nullptr;
    }

    // The value if it is there, parses and satisfies `valid`; `range` completes "must be ...".
    template <class Parse, class Valid>
    auto read(const Name& name, Parse parse, Valid valid, std::string_view range)
        -> decltype(parse(std::string_view{})) {
        const KeyValue* entry = find(name);
        if (entry == nullptr) return std::nullopt;
        auto value = parse(std::string_view(entry->second));
        if (value && valid(*value)) return value;
        fail(name, range);
        return std::nullopt;
    }

    std::optional<double> number(const Name& name, double least, double most,
                                 std::string_view range) {
        return read(
            name, common::parse_number, [=](double v) { return v >= least && v <= most; }, range);
    }

    std::optional<PodCount> count(const Name& name, PodCount least, std::string_view range) {
        return read(name, parse_pod_count, [=](PodCount v) { return v >= least; }, range);
    }

    std::optional<Duration> duration(const Name& name, Duration least, Duration most, bool whole,
                                     std::string_view range) {
        const auto valid = [=](Duration v) {
            return v >= least && v <= most && (!whole || v % seconds(1) == Duration::zero());
        };
        return read(name, common::parse_go_duration, valid, range);
    }

    // Notes that the present value of `name` is wrong.
    void fail(const Name& name, std::string_view range) {
        const KeyValue* entry = find(name);
        std::string text = entry->first + ": \"" + entry->second + "\" must be ";
        text += range;
        problems_.push_back({entry->first, std::move(text)});
    }

  private:
    std::span<const KeyValue> annotations_;
    std::vector<Problem>& problems_;
};

bool valid_class(std::string_view name) {
    return !name.ends_with(".knative.dev") || name == kpa_class || name == hpa_class;
}

std::optional<std::string> parse_text(std::string_view text) {
    return std::string(text);
}

void read_class_and_metric(Reader& reader, RevisionScaling& scaling, const Config& config) {
    scaling.class_name = reader.read(
        class_name, parse_text, valid_class,
        "kpa.autoscaling.knative.dev, hpa.autoscaling.knative.dev, or a class outside knative.dev");
    const bool kpa = scaling.class_name.value_or(config.pod_autoscaler_class) == kpa_class;
    if (kpa) {
        const auto parse = [](std::string_view text) -> std::optional<Metric> {
            if (text == "concurrency") return Metric::concurrency;
            if (text == "rps") return Metric::rps;
            return std::nullopt;
        };
        const auto any = [](Metric) { return true; };
        scaling.metric = reader.read(metric, parse, any, "concurrency or rps");
    } else {
        const auto not_empty = [](const std::string& text) { return !text.empty(); };
        reader.read(metric, parse_text, not_empty, "the name of a metric");
    }
    const auto parse = [](std::string_view text) -> std::optional<Aggregation> {
        if (text.empty() || text == "linear") return Aggregation::linear;
        if (text == "weighted-exponential" || text == "weightedExponential") {
            return Aggregation::weighted_exponential;
        }
        return std::nullopt;
    };
    // Only an explicit KPA class makes a wrong algorithm an error; otherwise it means linear.
    if (scaling.class_name == kpa_class) {
        const auto any = [](Aggregation) { return true; };
        scaling.aggregation =
            reader.read(aggregation, parse, any, "linear or weighted-exponential");
    } else if (const KeyValue* entry = reader.find(aggregation)) {
        scaling.aggregation = parse(entry->second);
    }
}

void read_targets(Reader& reader, RevisionScaling& scaling) {
    constexpr double unbounded = 1e300;
    scaling.target = reader.number(target, 0.01, unbounded, "a number of at least 0.01");
    scaling.target_utilization_percentage =
        reader.number(utilization, 1, 100, "a percentage from 1 to 100");
    scaling.target_burst_capacity = reader.read(
        burst, common::parse_number, [](double v) { return v >= 0 || v == -1; },
        "a number of at least 0, or -1 for unlimited");
    scaling.panic_window_percentage =
        reader.number(panic_window_share, 1, 100, "a percentage from 1 to 100");
    scaling.panic_threshold_percentage =
        reader.number(panic_threshold, 110, 1000, "a percentage from 110 to 1000");
}

void read_durations(Reader& reader, RevisionScaling& scaling) {
    constexpr Duration none = Duration::zero();
    scaling.window =
        reader.duration(window, seconds(6), hours(1), true, "6s to 1h in whole seconds");
    scaling.scale_down_delay =
        reader.duration(scale_down_delay, none, hours(1), true, "0s to 1h in whole seconds");
    scaling.scale_to_zero_pod_retention_period =
        reader.duration(retention, none, hours(1), false, "0s to 1h");
    scaling.progress_deadline = reader.duration(progress_deadline, none, Duration::max(), true,
                                                "0s or more in whole seconds");
}

void read_scales(Reader& reader, RevisionScaling& scaling, const Config& config) {
    scaling.min_scale = reader.count(min_scale, 0, "a whole number, 0 or more");
    scaling.max_scale = reader.count(max_scale, 0, "a whole number, 0 (none) or more");
    scaling.initial_scale = reader.count(initial_scale, 0, "a whole number, 0 or more");
    scaling.activation_scale = reader.count(activation_scale, 2, "a whole number, 2 or more");

    if (scaling.initial_scale == 0 && !config.allow_zero_initial_scale) {
        reader.fail(initial_scale,
                    "1 or more (0 needs allow-zero-initial-scale in config-autoscaler)");
    }
    const PodCount lowest = scaling.min_scale.value_or(0);
    const PodCount limit = config.max_scale_limit;
    if (scaling.max_scale) {
        const PodCount highest = *scaling.max_scale;
        if (limit > 0 && (highest < 1 || highest > limit)) {
            reader.fail(max_scale, "1 to " + std::to_string(limit) + " (max-scale-limit)");
        } else if (highest != 0 && highest < lowest) {
            reader.fail(max_scale, "0 (none) or at least min-scale " + std::to_string(lowest));
        }
    }
    if (scaling.activation_scale) {
        const PodCount highest = scaling.max_scale.value_or(0);
        if (*scaling.activation_scale < lowest) {
            reader.fail(activation_scale, "at least min-scale " + std::to_string(lowest));
        } else if (highest != 0 && *scaling.activation_scale > highest) {
            reader.fail(activation_scale, "at most max-scale " + std::to_string(highest));
        }
    }
}

}  // namespace

ParsedAnnotations parse_annotations(std::span<const KeyValue> annotations, const Config& config) {
    ParsedAnnotations parsed;
    Reader reader(annotations, parsed.problems);
    read_class_and_metric(reader, parsed.scaling, config);
    read_targets(reader, parsed.scaling);
    read_durations(reader, parsed.scaling);
    read_scales(reader, parsed.scaling, config);
    return parsed;
}

std::span<const std::string_view> annotation_names() {
    static const std::vector<std::string_view> names = [] {
        std::vector<std::string_view> all;
        for (const Name& name : all_names) {
            all.push_back(name.now);
            if (!name.old.empty()) all.push_back(name.old);
        }
        return all;
    }();
    return names;
}

}  // namespace autoscaler
