// SPDX-License-Identifier: Apache-2.0
#include "cli.hpp"

#include <fmt/format.h>

#include <cairn/client/cluster.hpp>

#include "output.hpp"
#include "program.hpp"

namespace cairn::cli {

Result<client::ClientOptions> Globals::client_options() const {
  client::ClientOptions options;
  TRY(options.bootstrap, client::parse_bootstrap(bootstrap));
  options.client_id = "cairn-cli";
  options.api_timeout =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(timeout_seconds));
  options.request_timeout = std::min<Duration>(options.request_timeout, options.api_timeout);
  return options;
}

CLI::App* add_command(CLI::App& under, const std::string& name, const std::string& what,
                      const std::string& example) {
  auto* command = under.add_subcommand(name, what);
  command->footer("Example:\n  " + example);
  return command;
}

void add_json(CLI::App& command, Program& program) {
  command.add_flag("--json", program.globals.json, "Print JSON instead of a table");
}

int report(const Globals& globals, const std::string& doing, const Error& error) {
  report(doing, error.code, error.why);
  using enum ErrorCode;
  if (error.code == network_exception || error.code == broker_not_available ||
      error.code == request_timed_out) {
    fmt::print(stderr,
               "  expected a broker at {}: is it running? Set another with --bootstrap or "
               "CAIRN_BOOTSTRAP.\n",
               globals.bootstrap);
  }
  return 1;
}

int report(const std::string& doing, ErrorCode code, const std::string& why) {
  std::fflush(stdout);
  fmt::print(stderr, "cairn: failed to {}: {}{}{}\n", doing, to_string(code),
             why.empty() ? "" : ": ", why);
  return 1;
}

int refuse(const std::string& why) {
  fmt::print(stderr, "cairn: {}\n", why);
  return 2;
}

namespace {

/// Fails at once if nothing answers at the bootstrap addresses: the commands themselves are
/// patient.
runtime::Task<int> run_with_cluster(Session& session, Globals globals, Command command) {
  auto options = globals.client_options();
  if (!options) co_return refuse("--bootstrap: " + std::string(options.error().why));
  client::Cluster cluster(session.shard, session.network, *options);
  const auto reached = co_await cluster.any_peer(cluster.api_deadline());
  co_await cluster.stop();
  if (!reached) co_return report(globals, "reach the cluster", reached.error());
  co_return co_await command(session);
}

void declare(CLI::App& app, Program& program) {
  auto& globals = program.globals;
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("cairn 0.1.0"));
  app.footer(
      "Start with:\n  cairn topic create orders --partitions 3\n"
      "  echo 'k1:first' | cairn produce orders --key-separator :\n"
      "  cairn consume orders --exit");
  app.add_option("-b,--bootstrap", globals.bootstrap,
                 "Brokers to begin with, host:port[,host:port...]; also CAIRN_BOOTSTRAP")
      ->capture_default_str();
  app.add_option("--timeout", globals.timeout_seconds, "Seconds to try for, at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("-v,--verbose", globals.verbose, "Say on standard error what the client does");
  add_topic(app, program);
  add_produce(app, program);
  add_consume(app, program);
  add_group(app, program);
  add_config(app, program);
  add_cluster(app, program);
  add_local(app, program);
  add_log(app, program);
  add_perf(app, program);
  add_completion(app, program);
}

/// What to say if a word stands where a command should that is none; empty if that is not it.
std::string wrong_command(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const auto left = at->remaining();
  if (at->get_require_subcommand_min() == 0 || left.empty()) return "";
  std::string names;
  for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  return fmt::format("there is no command '{}'; there are {}", left.front(), names);
}

}  // namespace

int run(int argc, const char* const* argv, Machine& machine) {
  Program program(machine);
  program.globals.errors_go_to_terminal = machine.errors_go_to_terminal();
  if (auto bootstrap = machine.variable("CAIRN_BOOTSTRAP")) program.globals.bootstrap = *bootstrap;
  CLI::App app("Works with Cairn and Apache Kafka clusters.", "cairn");
  declare(app, program);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // CLI11's way of saying help, version and mistakes
    const bool mistaken = error.get_exit_code() != 0;
    if (const std::string why = wrong_command(app); mistaken && !why.empty()) return refuse(why);
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (program.globals.verbose) machine.log_to_stderr();
  if (!program.chosen) return 0;
  if (!program.needs_cluster) return machine.run(program.chosen);
  return machine.run([&program](Session& session) {
    return run_with_cluster(session, program.globals, program.chosen);
  });
}

}  // namespace cairn::cli
