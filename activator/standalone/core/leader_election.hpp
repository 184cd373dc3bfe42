// Who of several activators decides? Kubernetes' own election, on a Lease (coordination.k8s.io/v1)
// that everybody reads and whoever is first writes.
//
// Clocks of two machines are never compared: a Lease is over when it has not changed for its whole
// duration, by the clock of the one who looks. The holder stops leading on its own clock some time
// before others may take over, so there is never more than one that decides:
//     renew_deadline (10 s, from before the last good write was sent) < lease (15 s)
// A holder that ends well empties the Lease, and the next look (retry, 2 s) takes it.
// The times are those of Kubernetes' own controllers.
//
// Not here: reading and writing (leadership.hpp). The API server's resourceVersion lets only one of
// two writers win.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/core/time.hpp"

namespace activator::standalone {

using common::Duration;
using common::Instant;

struct LeaseRecord {
    std::string holder;  // empty: nobody
    std::int64_t duration_seconds = 0;
    std::string acquire_time;  // RFC 3339, as it stands
    std::string renew_time;
    std::int64_t transitions = 0;
    std::string version;  // resourceVersion
    friend bool operator==(const LeaseRecord&, const LeaseRecord&) = default;
};

class LeaderElection {
  public:
    struct Rules {
        Duration lease = std::chrono::seconds(15);
        Duration renew_deadline = std::chrono::seconds(10);
        Duration retry = std::chrono::seconds(2);
    };
    enum class Step : std::uint8_t {
        create,  // there is no Lease: POST next()
        write,   // it is ours, free, or over: PUT next()
        wait     // somebody else's
    };

    explicit LeaderElection(std::string identity) : LeaderElection(std::move(identity), Rules{}) {}
    LeaderElection(std::string identity, const Rules& rules)
        : identity_(std::move(identity)), rules_(rules) {}

    // The Lease was read (nothing: there is none).
    Step read(std::optional<LeaseRecord> lease, Instant now);
    // What to write after create or write; `wall` is the present time as RFC 3339.
    LeaseRecord next(const std::string& wall) const;
    // The API server took what next() said; it was sent at `sent`.
    void written(Instant sent);
    // It refused: somebody else was faster. What is known of the Lease counts no more.
    void refused();
    // What to write to let go; REQUIRES: read() has seen the Lease.
    LeaseRecord released() const;
    // From here on we do not lead.
    void stop() { leading_ = false; }

    bool leading(Instant now) const { return leading_ && now < leads_until(); }
    // When leading() ends unless a write succeeds.
    Instant leads_until() const { return renewed_at_ + rules_.renew_deadline; }
    // Who holds it, as far as we know; empty: nobody.
    const std::string& holder() const { return seen_ ? seen_->holder : nobody_; }
    const std::string& identity() const { return identity_; }
    const Rules& rules() const { return rules_; }

  private:
    std::string identity_;
    Rules rules_;
    std::optional<LeaseRecord> seen_;
    Instant seen_at_{};  // when it last changed
    Instant renewed_at_{};
    bool leading_ = false;
    std::string nobody_;
};

}  // namespace activator::standalone
