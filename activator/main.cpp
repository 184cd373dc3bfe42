// activator: the router in front of many pods. Reads the command line: with --pods revisions and
// pods come from a file, with --standalone from the Deployments of a Kubernetes without Knative,
// without either from Knative. With --webhook it is the one that gives Deployments' pods their
// queue-proxy.
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "activator/app.hpp"
#include "activator/kubernetes/knative_app.hpp"
#include "activator/standalone/standalone_app.hpp"
#include "activator/standalone/webhook_app.hpp"
#include "common/core/parse.hpp"
#include "common/net/address.hpp"

namespace {

constexpr int usage_error = 64;  // EX_USAGE

std::string check_address(const std::string& text) {
    return common::parse_address(text)
               ? ""
               : "\"" + text + "\" is not ADDRESS:PORT (127.0.0.1:8012, [::1]:8012, :8012)";
}

std::string check_duration(const std::string& text) {
    return common::parse_go_duration(text) ? "" : "\"" + text + "\" is not a duration like 45s";
}

enum class Mode : std::uint8_t { knative, pod_file, standalone, webhook };

// The command line as it came.
struct Flags {
    std::string listen = ":8012";
    std::string listen_h2c = ":8013";
    std::string listen_tls = ":8112";
    std::string peers = ":8014";
    std::string admin;
    std::string drain_delay = "45s";
    std::string pod_file;
    std::string cookie_key_file;
    std::string api_keys_file;
    std::string admin_token_file;
    std::string handover_file;
    activator::ClientLimits client_limits;
    activator::ClientTls client_tls;
    activator::LogOptions log;
    bool behind_ingress = false;
    bool standalone = false;
    bool webhook = false;

    Mode mode() const {
        if (webhook) return Mode::webhook;
        if (standalone) return Mode::standalone;
        return pod_file.empty() ? Mode::knative : Mode::pod_file;
    }
    common::Duration drain() const { return *common::parse_go_duration(drain_delay); }
};

// Which of four programs this is.
CLI::Option* declare_mode(CLI::App& cli, Flags& flags) {
    CLI::Option* const pods = cli.add_option(
        "--pods", flags.pod_file,
        "Revisions and pods, JSON; re-read when it changes. Without it, --standalone and "
        "--webhook: Knative's activator, set up by environment and ConfigMaps");
    CLI::Option* const standalone =
        cli.add_flag("--standalone", flags.standalone,
                     "Kubernetes without Knative: serves and scales Deployments")
            ->excludes(pods);
    cli.add_flag("--webhook", flags.webhook,
                 "Kubernetes without Knative: gives Deployments' pods their queue-proxy (listens "
                 "on :8443)")
        ->excludes(pods)
        ->excludes(standalone);
    cli.add_option("--peers", flags.peers,
                   "Standalone: where other activators report, and the kubelet asks")
        ->check(check_address)
        ->needs(standalone)
        ->capture_default_str();
    return pods;
}

// What only the activator with a pod file has.
void declare_pod_file(CLI::App& cli, Flags& flags, CLI::Option* pods) {
    cli.add_option("--cookie-key-file", flags.cookie_key_file,
                   "Session keys, one per line: the first signs, all are honoured (default: a key "
                   "of its own)")
        ->needs(pods);
    cli.add_flag("--behind-ingress", flags.behind_ingress,
                 "Knative's ingress calls, not clients: its probes and headers are honoured")
        ->needs(pods);
    activator::add_tls_flags(cli, flags.client_tls);
    cli.get_option("--tls-cert")->needs(pods);
    cli.add_option("--handover", flags.handover_file,
                   "Unix socket: an activator that is started with the same one takes the ports of "
                   "this one over, which then drains")
        ->needs(pods);
}

void declare(CLI::App& cli, Flags& flags) {
    cli.add_option("--listen", flags.listen, "Where requests come in")
        ->check(check_address)
        ->capture_default_str();
    cli.add_option("--admin", flags.admin,
                   "The page, metrics, status (default: 127.0.0.1:9090 with --pods, else none)")
        ->check(check_address);
    CLI::Option* const pods = declare_mode(cli, flags);
    cli.add_option("--listen-h2c", flags.listen_h2c, "Knative: the second port for requests")
        ->check(check_address)
        ->excludes(pods)
        ->capture_default_str();
    cli.add_option("--listen-tls", flags.listen_tls,
                   "Knative: the TLS port, with system-internal-tls")
        ->check(check_address)
        ->excludes(pods)
        ->capture_default_str();
    cli.add_option("--drain-delay", flags.drain_delay,
                   "How long requests are still taken after SIGTERM")
        ->check(check_duration)
        ->capture_default_str();
    declare_pod_file(cli, flags, pods);
    cli.add_option("--api-keys", flags.api_keys_file,
                   "With --pods or --standalone, who may ask: SHA-256 hashes of keys, one per "
                   "line; re-read on SIGHUP (default: everybody)");
    cli.add_option("--admin-token-file", flags.admin_token_file,
                   "Token that the admin port wants; needed unless only this machine reaches it");
    activator::add_flags(cli, flags.client_limits);
    activator::add_flags(cli, flags.log);
}

activator::kubernetes::ClusterOptions cluster_options(const Flags& flags) {
    activator::kubernetes::ClusterOptions options;
    options.admin = common::parse_address(flags.admin);
    options.admin_token_file = flags.admin_token_file;
    options.client_limits = flags.client_limits;
    options.log = flags.log;
    options.drain_delay = flags.drain();
    return options;
}

int run_knative(const Flags& flags) {
    activator::kubernetes::KnativeOptions options;
    static_cast<activator::kubernetes::ClusterOptions&>(options) = cluster_options(flags);
    options.http = *common::parse_address(flags.listen);
    options.h2c = *common::parse_address(flags.listen_h2c);
    options.https = *common::parse_address(flags.listen_tls);
    return activator::kubernetes::run_knative(options);
}

int run_standalone(const Flags& flags) {
    activator::standalone::StandaloneOptions options;
    static_cast<activator::kubernetes::ClusterOptions&>(options) = cluster_options(flags);
    options.listen = *common::parse_address(flags.listen);
    options.peers = *common::parse_address(flags.peers);
    options.api_keys_file = flags.api_keys_file;
    return activator::standalone::run_standalone(options);
}

int run_webhook(const Flags& flags, bool listen_given) {
    activator::standalone::WebhookOptions options;
    if (listen_given) options.listen = *common::parse_address(flags.listen);
    options.log = flags.log;
    options.drain_delay = flags.drain();
    return activator::standalone::run_webhook(options);
}

int run_with_pod_file(const Flags& flags) {
    activator::AppOptions options;
    options.listen = *common::parse_address(flags.listen);
    if (!flags.admin.empty()) options.admin = *common::parse_address(flags.admin);
    options.pod_file = flags.pod_file;
    options.cookie_key_file = flags.cookie_key_file;
    options.api_keys_file = flags.api_keys_file;
    options.admin_token_file = flags.admin_token_file;
    options.client_limits = flags.client_limits;
    options.log = flags.log;
    options.client_tls = flags.client_tls;
    options.handover_file = flags.handover_file;
    options.drain_delay = flags.drain();
    options.edge = !flags.behind_ingress;
    return activator::run_app(options);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App cli{"Holds requests, wakes and picks pods, keeps sessions on their pods."};
    cli.set_version_flag("--version", SLUICE_VERSION);
    Flags flags;
    declare(cli, flags);
    try {
        cli.parse(argc, argv);
        const bool has_clients = flags.mode() == Mode::pod_file || flags.mode() == Mode::standalone;
        if (!flags.api_keys_file.empty() && !has_clients)
            throw CLI::ValidationError("--api-keys requires --pods or --standalone");
    } catch (const CLI::Success& done) {
        return cli.exit(done);
    } catch (const CLI::ParseError& error) {
        std::cerr << "activator: " << error.what() << " (see activator --help)\n";
        return usage_error;
    }
    switch (flags.mode()) {
        case Mode::knative:
            return run_knative(flags);
        case Mode::standalone:
            return run_standalone(flags);
        case Mode::webhook:
            return run_webhook(flags, cli.count("--listen") > 0);
        case Mode::pod_file:
            return run_with_pod_file(flags);
    }
    return usage_error;
}
