// Who may see the admin port: everybody who reaches it, if that is this machine only; else who
// shows the token. `/healthz` and `/readyz` say nothing that is worth a token, and probes have
// none.
#pragma once

#include <memory>
#include <string>

#include "activator/api_keys.hpp"
#include "common/http/exchange.hpp"
#include "common/http/server_connection.hpp"
#include "common/net/address.hpp"

namespace activator {

struct AdminDoor {
    std::shared_ptr<const ApiKeys> token;  // null: open
    std::string problem;                   // not empty: nothing may be started
};

// `token_file` may be empty. An address that others can reach needs one: that is a problem then.
AdminDoor make_admin_door(const common::Address& admin, const std::string& token_file);

// `inside` for those who may, 401 for the others.
common::ServerConnection::Handler behind(const AdminDoor& door,
                                         common::ServerConnection::Handler inside);

}  // namespace activator
