// The endpoints that are about the connection, not about images: for testing proxies.
//
// Each sends its own bytes: streams, events, trailers, early hints, half answers, none at all.
#pragma once

#include "tests/sd_standin/connection.hpp"
#include "tests/sd_standin/http.hpp"

namespace standin {

enum class Wire {
    not_mine,  // no such path here: nothing was read or sent
    keep,      // answered; the connection can serve another request
    close,     // close it
};

// The request's body has not been read yet.
Wire serve_wire_endpoint(Connection& connection, const Request& request);

}  // namespace standin
