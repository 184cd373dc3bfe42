// sluice: a Knative Service on one machine. Reads the command line; every command is a file of its
// own.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/net/address.hpp"
#include "sluice/check.hpp"
#include "sluice/pods/pod_init.hpp"
#include "sluice/replay/replay_command.hpp"
#include "sluice/top/top_command.hpp"
#include "sluice/up.hpp"

namespace {

constexpr int usage_error = 64;  // EX_USAGE

std::string check_address(const std::string& text) {
    return common::parse_address(text)
               ? ""
               : "\"" + text + "\" is not ADDRESS:PORT (127.0.0.1:8080, [::1]:8080)";
}

void add_up_command(CLI::App& app, sluice::UpOptions& up, std::string& listen, std::string& admin) {
    CLI::App* up_command =
        app.add_subcommand("up", "Serve what a service file describes, until Ctrl-C");
    up_command->add_option("FILE", up.file, "Knative Service file")->required();
    up_command->add_option("--listen", listen, "Where clients call")
        ->check(check_address)
        ->capture_default_str();
    up_command->add_option("--admin", admin, "The page, metrics, status")
        ->check(check_address)
        ->capture_default_str();
    up_command->add_option("--runtime", up.runtime, "What a pod is")
        ->check(CLI::IsMember({"process", "docker"}))
        ->capture_default_str();
    up_command->add_option(
        "--gpus", up.gpus,
        "GPUs to hand out: none, all, a number, or a list of ids (default: all)");
    up_command->add_option("--log-dir", up.log_directory,
                           "Also write each pod's output to a file here");
    up_command->add_option(
        "--api-keys", up.api_keys_file,
        "Who may ask: SHA-256 hashes of keys, one per line (default: everybody)");
    up_command->add_option(
        "--admin-token-file", up.admin_token_file,
        "Token that the admin port wants; needed unless only this machine reaches it");
    up_command->add_option("--handover", up.handover_file,
                           "Unix socket: a sluice that is started with the same one takes the "
                           "ports of this one over, which then serves what it has, and ends");
    activator::add_flags(*up_command, up.client_limits);
    activator::add_tls_flags(*up_command, up.client_tls);
    activator::add_flags(*up_command, up.log);
}

}  // namespace

int main(int argc, char** argv) {
    if (sluice::is_pod_init(argc, argv)) sluice::run_pod_init();

    CLI::App app{
        "Serves Knative Services on this machine: one request per GPU, from zero pods and back."};
    app.set_version_flag("--version", SLUICE_VERSION);
    // Not require_subcommand(1): that would hide what a misspelt command was.
    app.require_subcommand(0, 1);

    sluice::UpOptions up;
    up.program = argv[0];
    std::string listen = "127.0.0.1:8080";
    std::string admin = "127.0.0.1:8081";
    add_up_command(app, up, listen, admin);

    std::vector<std::string> files;
    CLI::App* check_command = app.add_subcommand("check", "Say what is wrong with service files");
    check_command->add_option("FILE", files, "Knative Service files")->required();

    sluice::replay::ReplayOptions replay;
    CLI::App* replay_command = sluice::replay::add_replay_command(app, replay);

    sluice::top::TopOptions top;
    CLI::App* top_command = sluice::top::add_top_command(app, top);

    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& done) {
        return app.exit(done);
    } catch (const CLI::ParseError& error) {
        std::cerr << "sluice: " << error.what() << " (see sluice --help)\n";
        return usage_error;
    }
    if (app.get_subcommands().empty()) {
        std::cerr
            << "sluice: a command is required: up, check, replay or top (see sluice --help)\n";
        return usage_error;
    }
    if (*check_command) return sluice::run_check(files, std::cout, std::cerr);
    if (*replay_command) return sluice::replay::run_replay(replay, std::cout, std::cerr);
    if (*top_command) return sluice::top::run_top(top, std::cout, std::cerr);
    up.listen = *common::parse_address(listen);
    up.admin = *common::parse_address(admin);
    return sluice::run_up(up);
}
