#include "activator/app.hpp"

#include <csignal>
#include <functional>
#include <memory>
#include <sstream>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "activator/admin_door.hpp"
#include "activator/admin_port.hpp"
#include "activator/gateway.hpp"
#include "activator/handover.hpp"
#include "activator/orderly_end.hpp"
#include "activator/pod_source.hpp"
#include "common/async/give_back_memory.hpp"
#include "common/async/task_group.hpp"
#include "common/config/read_file.hpp"
#include "common/crypto/hmac.hpp"
#include "common/http/http_server.hpp"
#include "common/log/log.hpp"
#include "common/net/hangup_watch.hpp"
#include "common/net/open_files.hpp"
#include "common/time/system_time.hpp"

namespace activator {
namespace {

namespace asio = boost::asio;

constexpr std::size_t own_key_bytes = 32;
constexpr std::size_t key_bytes_min = 16;

GatewayOptions gateway_options(const AppOptions& options, std::vector<std::string> keys,
                               std::function<std::string(std::string_view)> health) {
    GatewayOptions gateway;
    gateway.cookie_keys = std::move(keys);
    gateway.door.edge = options.edge;
    gateway.access_log = options.log.access;
    gateway.door.health = std::move(health);
    gateway.server =
        server_limits(options.client_limits, options.edge, common::raise_open_files_limit());
    return gateway;
}

// Says which problem it is; true if there is none.
bool good(const std::string& flag, const std::string& problem) {
    if (!problem.empty()) common::log_start_failed(flag + problem);
    return problem.empty();
}

class App {
  public:
    App(const AppOptions& options, std::vector<std::string> keys, const AdminDoor& admin_door);
    // `predecessor`: we take over from it.
    int run(std::optional<HandedOver> predecessor);

  private:
    bool begin(std::optional<HandedOver> predecessor);
    bool open_ports(HandedOver& predecessor);
    bool open_handover(HandedOver& predecessor);
    HandoverOffer::Offer offer();
    std::string health() const;
    void reload();
    void hand_over();
    void end();

    AppOptions options_;
    std::vector<std::string> cookie_keys_;
    asio::io_context io_{1};
    common::SystemTime time_{io_.get_executor()};
    common::HangupWatch hangups_{io_.get_executor()};
    common::TaskGroup tasks_{io_.get_executor()};
    Gateway gateway_;
    AdminPort admin_;
    PodSource source_;
    OrderlyEnd ending_;
    HandoverOffer handover_;
    std::unique_ptr<common::Certificates> certificates_;  // if clients speak TLS
};

App::App(const AppOptions& options, std::vector<std::string> keys, const AdminDoor& admin_door)
    : options_(options),
      cookie_keys_(std::move(keys)),
      gateway_(
          tasks_, time_, hangups_,
          gateway_options(options, cookie_keys_, [this](std::string_view) { return health(); })),
      admin_(tasks_, time_, hangups_, gateway_, admin_door),
      source_(gateway_, time_, options.pod_file),
      ending_(io_, time_, gateway_, options.drain_delay,
              {[this] { reload(); }, [this] { end(); }, {}}),
      handover_(tasks_, time_, {[this] { return offer(); }, [this] { hand_over(); }}) {}

int App::run(std::optional<HandedOver> predecessor) {
    if (!begin(std::move(predecessor))) ending_.end_now(1);
    io_.run();
    return ending_.exit_code();
}

bool App::begin(std::optional<HandedOver> predecessor) {
    HandedOver nobody;
    HandedOver& from = predecessor ? *predecessor : nobody;
    bool all_good = true;
    for (const std::string& problem : source_.load())
        all_good = good("--pods ", problem) && all_good;
    all_good = open_ports(from) && all_good;
    all_good = good("--api-keys ", gateway_.load_api_keys(options_.api_keys_file)) && all_good;
    all_good = open_handover(from) && all_good;
    if (!all_good) return false;
    if (predecessor && !good("--handover ", confirm(from))) return false;

    ending_.start();
    gateway_.export_telemetry(common::ProcessEnv(),
                              {{"service.name", "activator"}, {"service.version", SLUICE_VERSION}});
    gateway_.start();
    admin_.start();
    source_.start();
    if (!options_.handover_file.empty()) handover_.start();
    common::log_info("started", "activator serves",
                     {{"address", common::to_string(gateway_.local_address())},
                      {"admin", common::to_string(admin_.local_address())},
                      {"took_over", predecessor.has_value()}});
    common::unmap_startup_code();
    return true;
}

bool App::open_ports(HandedOver& from) {
    ClientCertificates loaded = load_certificates(time_, options_.client_tls);
    if (!good("", loaded.problem)) return false;
    certificates_ = std::move(loaded.certificates);
    Gateway::TlsPort secured;
    if (certificates_) {
        secured = [this] { return certificates_->context(); };
        certificates_->start();
    }
    const bool listens =
        good("--listen ", from.listen ? gateway_.adopt(std::move(from.listen), secured)
                                      : gateway_.open(options_.listen, secured));
    const bool admin = good(
        "--admin ", from.admin ? admin_.adopt(std::move(from.admin)) : admin_.open(options_.admin));
    return listens && admin;
}

bool App::open_handover(HandedOver& from) {
    if (options_.handover_file.empty()) return true;
    return good("--handover ",
                from.handover ? handover_.adopt(options_.handover_file, std::move(from.handover))
                              : handover_.open(options_.handover_file));
}

HandoverOffer::Offer App::offer() {
    HandoverOffer::Offer offer;
    offer.listen = options_.listen;
    offer.admin = options_.admin;
    offer.listen_socket = gateway_.native_handle();
    offer.admin_socket = admin_.native_handle();
    offer.cookie_keys = cookie_keys_;
    return offer;
}

void App::hand_over() {
    common::log_info("handed_over", "another activator accepts now; this one drains",
                     {{"connections", gateway_.connections()},
                      {"drain_delay_s", common::to_seconds(options_.drain_delay)}});
    admin_.close_now();
    if (!ending_.begun()) gateway_.retire();
    ending_.hand_over();
}

// What the kubelet is told (contract activator.md 7).
std::string App::health() const {
    return ending_.begun() ? "received SIGTERM from kubelet" : "";
}

void App::reload() {
    source_.reload();
    const std::string problem = gateway_.load_api_keys(options_.api_keys_file);
    if (!problem.empty()) common::log_error("api_keys", "the keys stay as they were: " + problem);
    if (certificates_) certificates_->reload();
}

void App::end() {
    source_.stop();
    handover_.close();
    if (certificates_) certificates_->stop();
    gateway_.close_now(ending_.exit_code() == 0);
    admin_.close_now();
}

// Of the file; else the predecessor's, so that sessions go on; else one of our own. Returns "" or
// what is wrong.
std::string load_cookie_keys(const AppOptions& options, const HandoverClaim& claim,
                             std::vector<std::string>& keys) {
    if (options.cookie_key_file.empty()) {
        if (claim.got) {
            keys = claim.got->cookie_keys;
        } else {
            keys = {common::random_bytes(own_key_bytes)};
        }
        return {};
    }
    const std::optional<std::string> text = common::read_file(options.cookie_key_file);
    if (!text) return "cannot be read";
    std::string problem;
    keys = parse_cookie_keys(*text, problem);
    return problem;
}

}  // namespace

std::vector<std::string> parse_cookie_keys(const std::string& text, std::string& problem) {
    std::vector<std::string> keys;
    std::istringstream lines(text);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        if (line.size() < key_bytes_min) {
            problem = "line " + std::to_string(number) + ": a key has at least " +
                      std::to_string(key_bytes_min) + " characters";
            return {};
        }
        keys.push_back(line);
    }
    if (keys.empty()) problem = "has no key";
    return keys;
}

int run_app(const AppOptions& options) {
    std::signal(SIGPIPE, SIG_IGN);
    common::LogConfig log;
    log.program = "activator";
    log.format = options.log.format;
    common::configure_log(std::move(log));

    HandoverClaim claim;
    if (!options.handover_file.empty())
        claim = claim_handover(options.handover_file, options.listen, options.admin);
    if (!good("--handover " + options.handover_file + ": ", claim.problem)) return 1;
    std::vector<std::string> keys;
    if (!good("--cookie-key-file " + options.cookie_key_file + ": ",
              load_cookie_keys(options, claim, keys)))
        return 1;
    const AdminDoor admin_door = make_admin_door(options.admin, options.admin_token_file);
    if (!good("", admin_door.problem)) return 1;
    return std::make_unique<App>(options, std::move(keys), admin_door)->run(std::move(claim.got));
}

}  // namespace activator
