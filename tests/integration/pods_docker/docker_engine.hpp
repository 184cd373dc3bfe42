// A Docker Engine of the test's own: its own network namespace, directories and socket, so that
// nothing of the machine's is touched and nothing stays.
#pragma once

#include <string>
#include <vector>

namespace pods_test {

// The socket of the engine, which is started at the first call, with the image `tiny:1` (a static
// server at /server). Ends the program with 77 and a reason where there can be no engine.
const std::string& docker_engine();

// Names of all containers, running or not.
std::vector<std::string> container_names();

// A request to a server on loopback; the whole answer, empty when there is none.
std::string http_get(std::uint16_t port, const std::string& target);

}  // namespace pods_test
