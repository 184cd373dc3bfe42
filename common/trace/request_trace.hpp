// One request's part in its trace: whether it is recorded, which ids its spans have, when it was
// sent on. A request that is not traced costs a null pointer: every call below does nothing then.
//
// The trace context that a client sends is believed, its decision to record included (unless
// OTEL_TRACES_SAMPLER says otherwise). A request whose parent is not recorded goes on with the
// header that it came with; one that begins a trace which is not recorded tells the next program
// so, lest each of them decide by itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/core/time.hpp"
#include "common/core/trace_context.hpp"
#include "common/http/fields.hpp"
#include "common/time/time_source.hpp"

namespace common {

class Tracer;

class RequestTrace {
  public:
    // A time that it was with a backend: a client span.
    struct Sent {
        std::uint64_t span = 0;
        std::string backend;
        Instant began{};
        Instant ended{};  // of an attempt that was not the last
    };

    // `fields` of the request. `tracer` null: it is not traced.
    void begin(Tracer* tracer, const Fields& fields) {
        if (tracer != nullptr) start(*tracer, fields);
    }
    // It goes to a backend: puts the context of a new client span into `outgoing`. An attempt that
    // has not returned() goes on: it is the same span.
    void send(Fields& outgoing, Instant now, std::string_view backend) {
        if (state_) put_context(outgoing, now, backend);
    }
    // The backend did not take it, if it was sent to one, and it waits again.
    void returned(const TimeSource& time) {
        if (state_ && !state_->sent.empty() && state_->sent.back().ended == Instant{})
            state_->sent.back().ended = time.now();
    }

    bool is_recorded() const { return state_ && state_->own.sampled; }

    // --- REQUIRES: is_recorded().
    const TraceContext& own() const { return state_->own; }
    std::uint64_t parent() const { return state_->parent; }
    std::string_view trace_state() const { return state_->trace_state; }
    Instant began() const { return state_->began; }
    const std::vector<Sent>& sent() const { return state_->sent; }
    std::uint64_t new_span() const;

  private:
    struct State {
        Tracer* tracer = nullptr;
        TraceContext own;          // of the server span
        std::uint64_t parent = 0;  // 0: the trace begins here
        std::string trace_state;
        Instant began{};
        std::vector<Sent> sent;
    };
    void start(Tracer& tracer, const Fields& fields);
    void put_context(Fields& outgoing, Instant now, std::string_view backend);

    std::unique_ptr<State> state_;
};

}  // namespace common
