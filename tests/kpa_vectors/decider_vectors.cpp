// Kinds `scale` (averages fed straight into a decider) and `timeline` (records through windows).
#include <chrono>

#include "autoscaler/decider.hpp"
#include "autoscaler/window.hpp"
#include "tests/kpa_vectors/spec_fields.hpp"
#include "tests/kpa_vectors/vectors.hpp"

namespace kpa_vectors {

using autoscaler::Averages;
using autoscaler::Decider;
using autoscaler::DeciderResult;
using autoscaler::DeciderSpec;
using autoscaler::Metric;
using autoscaler::Window;
using common::Duration;
using common::Instant;

DeciderSpec read_spec(const Fields& fields) {
    DeciderSpec spec;
    const std::string metric = fields.text("metric", "concurrency");
    if (metric != "concurrency" && metric != "rps") throw FieldError("metric " + metric);
    spec.metric = metric == "rps" ? Metric::rps : Metric::concurrency;
    spec.target = fields.number("targetValue");
    if (!(spec.target > 0)) throw FieldError("targetValue is not more than 0");
    spec.total = fields.number("totalValue");
    spec.target_burst_capacity = fields.number("targetBurstCapacity", spec.target_burst_capacity);
    spec.panic_threshold = fields.number("panicThreshold", spec.panic_threshold);
    spec.max_scale_up_rate = fields.number("maxScaleUpRate", spec.max_scale_up_rate);
    spec.max_scale_down_rate = fields.number("maxScaleDownRate", spec.max_scale_down_rate);
    spec.stable_window = fields.seconds("stableWindowSeconds", spec.stable_window);
    spec.scale_down_delay = fields.seconds("scaleDownDelaySeconds", Duration::zero());
    spec.activation_scale = fields.count("activationScale", 0);
    spec.reachable = fields.boolean("reachable", true);
    return spec;
}

namespace {

std::string compare(const Fields& expect, const DeciderResult& got, const Decider& decider) {
    return first_of(
        {difference("valid", expect.boolean("valid"), got.valid),
         difference("desiredPodCount", expect.count("desiredPodCount"), got.desired),
         difference("excessBurstCapacity", expect.count("excessBurstCapacity"),
                    got.excess_burst_capacity),
         difference("panicMode", expect.boolean("panicMode"), decider.panicking()),
         difference("maxPanicPods", expect.count("maxPanicPods"), decider.max_panic_pods())});
}

std::string at(const Fields& step, const std::string& difference) {
    if (difference.empty()) return "";
    return "at " + shown(step.number("atSeconds")) + " s " + difference;
}

std::optional<std::int32_t> read_ready(const Fields& step) {
    if (step.boolean("podCountError", false)) return std::nullopt;
    return step.count("readyPods", 0);
}

struct Record {
    Instant at;
    double value;
    bool applied = false;
};

// Both windows of a revision, fed from the records.
class Timeline {
  public:
    Timeline(const Fields& vector, Instant base) : Timeline(vector, vector.object("spec"), base) {}

    void advance_to(Instant now) {
        for (Record& record : records_) {
            if (record.applied || record.at > now) continue;
            stable_.record(record.at, record.value);
            panic_.record(record.at, record.value);
            record.applied = true;
        }
    }

    std::optional<Averages> averages(Instant now) const {
        if (scraped_ && stable_.empty(now)) return std::nullopt;
        return Averages{stable_.average(now), panic_.average(now)};
    }

  private:
    Timeline(const Fields& vector, const Fields& spec, Instant base)
        : scraped_(vector.boolean("scrapeTargetSet", true)),
          stable_(read_window_length(spec, "stableWindowSeconds"), read_aggregation(vector)),
          panic_(spec.has("panicWindowSeconds") ? read_window_length(spec, "panicWindowSeconds")
                                                : autoscaler::panic_window(stable_.length(), 10),
                 read_aggregation(vector)) {
        for (const Fields& record : vector.objects("records")) {
            records_.push_back({base + record.seconds("atSeconds"), record.number("value")});
        }
    }

    bool scraped_;
    Window stable_;
    Window panic_;
    std::vector<Record> records_;
};

std::string compare_averages(const Fields& tick, const std::optional<Averages>& averages) {
    const bool no_data = tick.boolean("noData", false);
    if (no_data || !averages) return difference("noData", no_data, !averages);
    return first_of(
        {average_difference("stableValue", tick.number("stableValue"), averages->stable),
         average_difference("panicValue", tick.number("panicValue"), averages->panic)});
}

}  // namespace

std::string check_scale(const Fields& vector, Instant base) {
    Decider decider(read_spec(vector.object("spec")), vector.count("readyPodsAtCreation", 0), base);
    for (const Fields& step : vector.objects("steps")) {
        if (step.has("updateSpecBefore")) {
            decider.set_spec(read_spec(step.object("updateSpecBefore")));
        }
        std::optional<Averages> averages;
        if (!step.boolean("noData", false)) {
            averages = Averages{step.number("stableValue"), step.number("panicValue")};
        }
        const Instant now = base + step.seconds("atSeconds");
        const DeciderResult got = decider.decide(read_ready(step), averages, now);
        const std::string found = compare(step.object("expect"), got, decider);
        if (!found.empty()) return at(step, found);
    }
    return "";
}

std::string check_timeline(const Fields& vector, Instant base) {
    Decider decider(read_spec(vector.object("spec")), vector.count("readyPodsAtCreation", 0), base);
    Timeline timeline(vector, base);
    for (const Fields& tick : vector.objects("ticks")) {
        if (tick.has("updateSpecBefore")) {
            decider.set_spec(read_spec(tick.object("updateSpecBefore")));
        }
        const Instant now = base + tick.seconds("atSeconds");
        timeline.advance_to(now);
        const std::optional<Averages> averages = timeline.averages(now);
        const std::string wrong_average = compare_averages(tick, averages);
        if (!wrong_average.empty()) return at(tick, wrong_average);
        const DeciderResult got = decider.decide(read_ready(tick), averages, now);
        const std::string found = compare(tick.object("expect"), got, decider);
        if (!found.empty()) return at(tick, found);
    }
    return "";
}

}  // namespace kpa_vectors
