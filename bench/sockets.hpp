// How do the bench's own programs get at a socket and at the time?
//
// Thin calls of the kernel, no framework: the load generator, the backend and the floor must cost
// as little as can be, and must not share code with what they measure. A failure at start ends the
// program with one line on stderr; failures of single connections are values (-1).
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

// Nanoseconds of CLOCK_MONOTONIC, the same clock in all processes of this machine.
std::int64_t now_ns();

// A non-blocking listener on 127.0.0.1:`port` (0: any), ready to accept. Ends the program if the
// port cannot be had.
int listen_on(std::uint16_t port);
// The port that `listen_on` got.
std::uint16_t port_of(int listener);

// A non-blocking socket whose connection to 127.0.0.1:`port` has begun; -1 when out of descriptors.
// Above 0, `source` chooses the address that it comes from, 127.0.0.`source` (at most 254): the
// kernel has some 28,000 ports for connections between two addresses.
int begin_connect(std::uint16_t port, std::uint64_t source = 0);
// The next accepted connection, non-blocking, without delay; -1 if there is none.
int accept_from(int listener);

int new_epoll();
// Adds or changes (if `known`) what `fd` waits for; `tag` comes back in epoll_event::data.u64.
void watch(int epoll, int fd, std::uint32_t events, std::uint64_t tag, bool known = false);
// epoll_wait with a timeout in nanoseconds (below 0: for ever). Returns the number of events, 0
// after an interruption.
int wait_events(int epoll, epoll_event* events, int count, std::int64_t timeout_ns);

// As many descriptors as the kernel lets this process have.
void raise_descriptor_limit();
// Set by SIGTERM and SIGINT once `end_on_signal` was called; both interrupt wait_events().
extern volatile bool ended;
void end_on_signal();

[[noreturn]] void fail(const std::string& what);

// The value of a header in a complete head ("GET … CRLF CRLF"); empty if it is absent. `name` in
// lower case, without the colon.
std::string_view header_of(std::string_view head, std::string_view name);
// Content-Length of a complete head; 0 if absent or not a number.
std::uint64_t content_length(std::string_view head);

}  // namespace bench
