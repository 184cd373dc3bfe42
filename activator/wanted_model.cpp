#include "activator/wanted_model.hpp"

#include "common/async/watchdog.hpp"

namespace activator {
namespace {

using common::awaitable;

awaitable<ModelKey> read_model(common::Exchange& client, common::RequestBody& body,
                               const common::Knobs& knobs, common::TimeSource& time) {
    ModelReader reader(knobs.model_key);
    common::Watchdog patience(time, [&client] { client.cancel(); });
    patience.set(time.now() + model_wait_max);
    std::size_t looked_at = 0;
    while (!reader.done() && body.bytes_kept() < knobs.replay_bytes) {
        bool came = body.look();
        if (!came && !body.source_ended() && !patience.expired())
            came = co_await body.look_further();
        if (!came) break;
        reader.read(body.kept().substr(looked_at));
        looked_at = body.bytes_kept();
    }
    patience.clear();
    co_return reader.model();
}

}  // namespace

awaitable<ModelKey> wanted_model(common::Exchange& client, common::RequestBody& body,
                                 const Revision& revision, ServeContext& context) {
    constexpr std::string_view header = "header:";
    const common::RequestHead& head = client.request();
    const std::string& key = revision.knobs.model_key;
    if (key.empty()) co_return any_model;
    if (key.starts_with(header)) co_return model_key_of(head.fields.get(key.substr(header.size())));
    // A client that waits for 100 Continue sends nothing before a pod takes its request.
    const bool readable = head.body.kind != common::BodyKind::none && !head.expect_continue;
    if (!readable || context.router.replay_bytes_short()) co_return any_model;
    co_return co_await read_model(client, body, revision.knobs, context.time);
}

}  // namespace activator
