// The shell of the admission: it feeds events in, wakes the requests whose turn has come, and owns
// the one timer. All decisions are the core's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "common/async/signal.hpp"
#include "common/time/time_source.hpp"
#include "proxy/core/admission.hpp"
#include "proxy/core/slot_claim.hpp"

namespace proxy {

// A request's stand in the admission, owned by the coroutine that serves it.
struct Ticket {
    enum class State : std::uint8_t { fresh, waiting, admitted, ended };

    explicit Ticket(common::LoopExecutor executor) : woken(executor) {}

    RequestId id;
    State state = State::fresh;
    common::Signal woken;  // state changed, or whatever else its owner uses it for
};

class Gate {
  public:
    // `time` outlives the gate.
    Gate(common::TimeSource& time, const AdmissionLimits& limits);
    ~Gate();

    // Admitted, waiting (woken comes when it is admitted), or refused (the ticket has ended).
    // `activator`: whose grant it uses, if it has one.
    Verdict arrive(Ticket& ticket, Lane lane, WhenFull when_full, ActivatorId activator = {});
    // A waiting request leaves the line. False if it is admitted already: release() it.
    bool abandon(Ticket& ticket);
    void release(Ticket& ticket);
    // The client of an admitted request has no more use for the answer, but the application may be
    // at work for it: the slot stays taken until release_held(). After `at_most`, on_expired is
    // called, once. The ticket has ended.
    void hold(Ticket& ticket, Duration at_most, std::function<void()> on_expired);
    void release_held(RequestId id);
    // Calls every on_expired that is outstanding: the process is about to end.
    void expire_holds();

    // --- Slot streams (core/slot_claim.hpp).
    // Called with what is to be said to the activator. It must not call the gate.
    using Say = std::function<void(const SlotMessage&)>;
    // Returns the stream's number.
    std::uint32_t open_stream(Say say);
    // The activator said `want` or `none`. REQUIRES: the stream is open.
    void hear(std::uint32_t stream, const SlotMessage& message);
    // Its reservation and unused grant go to others. Nothing is said to it any more.
    void close_stream(std::uint32_t stream);

    AdmissionCounts counts() const { return admission_.counts(); }
    SlotAccount account() { return admission_.account(time_.now()); }
    const AdmissionLimits& limits() const { return admission_.limits(); }

  private:
    struct SlotStream {
        SlotClaim claim;
        Say say;
    };

    void carry_out();
    void carry_out(const AdmissionAction& action);
    void arm();

    common::TimeSource& time_;
    Admission admission_;
    std::unique_ptr<common::Timer> timer_;
    Instant armed_for_ = Instant::max();
    std::unordered_map<RequestId, Ticket*> waiting_;
    std::unordered_map<RequestId, std::function<void()>> held_;
    std::unordered_map<std::uint32_t, SlotStream> streams_;
    std::uint64_t last_id_ = 0;
    std::uint32_t last_stream_ = 0;
};

}  // namespace proxy
