// A WebSocket that sends every message back as it came, until the client closes.
#pragma once

#include <string>

namespace standin {

// `read_already` is the request's head and whatever was read beyond it. Takes the descriptor.
void echo_websocket(int descriptor, const std::string& read_already);

}  // namespace standin
