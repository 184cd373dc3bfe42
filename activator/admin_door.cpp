#include "activator/admin_door.hpp"

#include <fstream>
#include <iterator>
#include <utility>

#include "activator/answers.hpp"
#include "common/core/path_pattern.hpp"
#include "common/http/problem.hpp"

namespace activator {
namespace {

bool only_this_machine(const common::Address& address) {
    return !address.unix_path.empty() || address.host.starts_with("127.") || address.host == "::1";
}

common::awaitable<void> serve_known(common::Exchange& client, std::shared_ptr<const ApiKeys> token,
                                    const common::ServerConnection::Handler& inside) {
    const common::RequestHead& head = client.request();
    const std::string_view path = common::path_of_target(head.target);
    const bool open = path == "/healthz" || path == "/readyz";
    if (open || token->admits(head.fields)) {
        co_await inside(client);
        co_return;
    }
    common::Fields fields;
    fields.add("WWW-Authenticate", "Basic realm=\"sluice admin\", Bearer");
    co_await respond_problem(client, no_key("the admin port wants its token"), std::move(fields));
}

}  // namespace

AdminDoor make_admin_door(const common::Address& admin, const std::string& token_file) {
    AdminDoor door;
    if (token_file.empty()) {
        if (only_this_machine(admin)) return door;
        door.problem =
            "--admin " + common::to_string(admin) +
            ": others can reach this address, so --admin-token-file is needed (or 127.0.0.1)";
        return door;
    }
    std::ifstream stream(token_file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    std::string problem = stream.is_open() ? "" : "cannot be read";
    std::optional<ApiKeys> token;
    if (problem.empty()) token = ApiKeys::of_token(text, problem);
    if (token) {
        door.token = std::make_shared<const ApiKeys>(std::move(*token));
    } else {
        door.problem = "--admin-token-file " + token_file + ": " + problem;
    }
    return door;
}

common::ServerConnection::Handler behind(const AdminDoor& door,
                                         common::ServerConnection::Handler inside) {
    if (!door.token) return inside;
    return [token = door.token, inside = std::move(inside)](common::Exchange& client) {
        return serve_known(client, token, inside);
    };
}

}  // namespace activator
