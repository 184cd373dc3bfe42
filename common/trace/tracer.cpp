#include "common/trace/tracer.hpp"

#include <cstdlib>
#include <utility>

#include "common/crypto/hmac.hpp"
#include "common/log/log.hpp"
#include "common/net/address.hpp"

namespace common {
namespace {

constexpr std::string_view traceparent = "traceparent";
constexpr std::string_view tracestate = "tracestate";

// The wall clock was set, or the program slept: beyond what reading two clocks takes.
constexpr Duration wall_moved = std::chrono::milliseconds(1);

}  // namespace

std::unique_ptr<Tracer> start_tracing(TimeSource& time, TaskGroup& tasks, TraceChoice choice) {
    for (const std::string& warning : choice.warnings)
        log_warning("tracing", warning);
    TraceSettings& settings = choice.settings;
    if (!settings.is_on()) return nullptr;
    const HttpUrl& url = settings.collector.url;
    const bool posts = settings.to == TraceSettings::To::collector;
    log_info("tracing", "requests are traced",
             {{"to", posts ? to_string(Address{url.host.host, url.host.port, {}}) : "stdout"},
              {"path", url.path},
              {"protocol", posts ? to_string(settings.collector.protocol) : "stdout"},
              {"ratio", settings.sampler.ratio},
              {"parent_based", settings.sampler.parent_based}});
    return std::make_unique<Tracer>(time, tasks, std::move(settings));
}

Tracer::Tracer(TimeSource& time, TaskGroup& tasks, TraceSettings settings)
    : time_(time),
      sampler_(settings.sampler),
      exporter_(time, tasks, std::move(settings)),
      rng_(random_word()) {}

std::uint64_t Tracer::new_span() {
    std::uint64_t id = 0;
    while (id == 0)
        id = rng_.next();
    return id;
}

TraceContext Tracer::new_context(const TraceContext* parent) {
    TraceContext context;
    if (parent != nullptr) {
        context = *parent;
    } else {
        context.trace = {rng_.next(), new_span()};
    }
    context.span = new_span();
    context.sampled = sampler_.samples(context.trace, parent);
    return context;
}

void Tracer::add(Span span, Times times) {
    // Both clocks now: whatever happened to the wall clock meanwhile, a request's spans fit
    // together. Two readings are never of one moment; so spans that begin together do so only while
    // the distance stays.
    const std::int64_t distance =
        time_.wall_now().time_since_epoch().count() - time_.now().time_since_epoch().count();
    if (std::abs(distance - wall_distance_) > wall_moved.count()) wall_distance_ = distance;
    span.began = wall_distance_ + times.began.time_since_epoch().count();
    span.ended = wall_distance_ + times.ended.time_since_epoch().count();
    exporter_.add(span);
}

// --- RequestTrace.

void RequestTrace::start(Tracer& tracer, const Fields& fields) {
    std::optional<TraceContext> parent;
    if (fields.count(traceparent) == 1) parent = parse_traceparent(fields.get(traceparent));
    TraceContext own = tracer.new_context(parent ? &*parent : nullptr);
    if (parent && !parent->sampled && !own.sampled) return;
    state_ = std::make_unique<State>();
    state_->tracer = &tracer;
    state_->own = own;
    state_->began = tracer.now();
    if (!parent) return;
    state_->parent = parent->span;
    state_->trace_state = fields.joined(tracestate);
}

std::uint64_t RequestTrace::new_span() const {
    return state_->tracer->new_span();
}

void RequestTrace::put_context(Fields& outgoing, Instant now, std::string_view backend) {
    State& state = *state_;
    if (state.sent.empty() || state.sent.back().ended != Instant{}) {
        // Of one that is not recorded nothing is kept.
        if (!state.own.sampled) state.sent.clear();
        state.sent.push_back({new_span(), std::string(backend), now, {}});
    }
    TraceContext context = state.own;
    context.span = state.sent.back().span;
    outgoing.set(traceparent, format_traceparent(context));
    // What came without a traceparent that counts belongs to no trace (section 3.4).
    if (state.parent == 0) outgoing.erase(tracestate);
}

}  // namespace common
