// Free TCP ports for pods.
//
// A pod's application opens its port late (a model may load for minutes), so a port must stay free
// until then: it is taken from outside the kernel's ephemeral range, where outgoing connections get
// theirs, and none is given twice until all others were. A port counts as free when it can be bound
// on 127.0.0.1, on 0.0.0.0 and on [::], for applications choose any of these.
#pragma once

#include <cstdint>
#include <set>

namespace sluice {

class PortPicker {
  public:
    // `seed` varies the first port, so that two programs do not ask for the same ones.
    explicit PortPicker(std::uint32_t seed);
    // A range of one's own. REQUIRES: 0 < first <= last.
    PortPicker(std::uint16_t first, std::uint16_t last, std::uint32_t seed);

    // A free port that is not held; 0 when there is none. It is held until released.
    std::uint16_t take();
    void release(std::uint16_t port) { held_.erase(port); }

  private:
    std::uint16_t first_;
    std::uint16_t last_;
    std::uint32_t next_;  // offset from first_
    std::set<std::uint16_t> held_;
};

// Whether nobody listens on or is bound to `port` on this machine.
bool port_is_free(std::uint16_t port);

}  // namespace sluice
