// How long this pod's cold start took, phase by phase, as far as the queue-proxy can know: from its
// own start until the application's port was open, until it was ready, and until the first answer
// of a request began. Each phase comes once in a pod's life.
#pragma once

#include "common/core/time.hpp"
#include "common/metrics/catalogue.hpp"
#include "common/metrics/histogram.hpp"

namespace proxy {

using common::Instant;

class ColdStart {
  public:
    explicit ColdStart(Instant began) : began_(began) {}

    // A connection to the application was accepted.
    void saw_port_open(Instant now) { once(app_port_open_, now); }
    // All probes passed. Without a probe nobody can say, and this never comes.
    void saw_ready(Instant now) { once(ready_, now); }
    // The application began to answer a request (not a probe).
    void saw_first_byte(Instant now) {
        once(app_port_open_, now);
        once(first_byte_, now);
    }

    // Seconds; of one observation at most.
    const common::Histogram& app_port_open() const { return app_port_open_; }
    const common::Histogram& ready() const { return ready_; }
    const common::Histogram& first_byte() const { return first_byte_; }

  private:
    void once(common::Histogram& phase, Instant now) const {
        if (phase.count() == 0) phase.observe(common::to_seconds(now - began_));
    }

    Instant began_;
    common::Histogram app_port_open_{common::long_seconds};
    common::Histogram ready_{common::long_seconds};
    common::Histogram first_byte_{common::long_seconds};
};

}  // namespace proxy
