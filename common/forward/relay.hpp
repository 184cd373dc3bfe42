// One request from a client's exchange to a backend's connection, and its response back: both
// directions at once, one bounded buffer each, interim responses, trailers, upgrades. It returns
// how it ended and leaves the policy to its caller: what a timeout answers, whether a departed
// client's job runs on, whether the request may run again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "common/async/signal.hpp"
#include "common/async/task_group.hpp"
#include "common/async/watchdog.hpp"
#include "common/forward/backend_exchange.hpp"
#include "common/forward/request_body.hpp"
#include "common/http/exchange.hpp"

namespace common {

struct RelayTimeouts {
    Instant total = Instant::max();              // the whole exchange ends by then
    Duration response_start = Duration::zero();  // first byte of the response; zero: none
    Duration idle = Duration::zero();  // between two pieces sent to the client; zero: none
    Instant started{};                 // when response_start and idle begin to count
};

enum class RelayEnd : std::uint8_t {
    complete,        // the response was sent whole (or the upgraded connection ended)
    declined,        // on_head did not want the response; nothing was sent
    backend_failed,  // the backend's connection broke, or spoke no HTTP
    client_gone,     // the client left; the backend may still be at work
    timed_out        // a deadline passed; the backend may still be at work
};

enum class RelayTimeout : std::uint8_t { none, total, response_start, idle };

struct RelayResult {
    RelayEnd end = RelayEnd::complete;
    RelayTimeout timeout = RelayTimeout::none;
    error_code cause;  // backend_failed
    int status = 0;    // of the final head; 0: none came
    bool upgraded = false;
    bool upload_cut = false;  // the client's body never came whole: the backend waits for the rest
    std::uint64_t response_bytes = 0;
};

class Relay {
  public:
    // Looks at the final head, in place; false: do not send it (RelayEnd::declined).
    using OnHead = std::function<bool(ResponseHead& head)>;

    // All references outlive run().
    Relay(Exchange& client, BackendExchange& backend, RequestBody& body, TaskGroup& tasks,
          TimeSource& time);
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    // Nothing of the body goes out before the backend says 100 Continue (or 1 s has passed): a
    // backend that refuses has then not taken bytes that cannot be sent twice. Before run(), whose
    // `outgoing` must say Expect: 100-continue. The client hears of a 100 only if it asked itself.
    void hold_body() { body_held_ = true; }

    // Sends `outgoing` (framing as the body's) and relays until the exchange ends one way or
    // another. Does not answer the client on errors: see client.response_started().
    awaitable<RelayResult> run(RequestHead outgoing, RelayTimeouts timeouts, OnHead on_head);

  private:
    awaitable<void> send_request(const RequestHead& outgoing);
    void start_upload(const char* name, awaitable<void> task);
    awaitable<void> upload();
    awaitable<void> wait_for_continue();
    awaitable<void> receive();
    awaitable<void> interim(const ResponseHead& head);
    awaitable<void> response_body(bool flush_early);
    awaitable<void> tunnel(ResponseHead head);
    awaitable<void> tunnel_upload();
    void go_on_uploading();
    void progress();
    void on_deadline();
    void arm_watchdog();
    void client_left();
    void backend_failed(error_code cause);
    void stop(RelayEnd end);
    bool stopped() const { return stopped_; }

    Exchange& client_;
    BackendExchange& backend_;
    RequestBody& body_;
    TaskGroup& tasks_;
    TimeSource& time_;
    OnHead on_head_;
    RelayTimeouts timeouts_;
    RelayResult result_;
    Watchdog watchdog_;
    Signal upload_wake_;
    Signal upload_done_;
    std::unique_ptr<Timer> continue_timer_;
    Instant last_progress_{};
    bool body_held_ = false;
    bool continue_awaited_ = false;
    bool continue_sent_ = false;  // the backend's own 100 went to the client
    bool uploading_ = false;
    bool upload_complete_ = false;
    bool stopped_ = false;
    bool received_any_ = false;
};

}  // namespace common
