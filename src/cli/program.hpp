// SPDX-License-Identifier: Apache-2.0
// What all commands share: the global options, and how a command puts itself into the command line.
// Each add_… declares one group of commands; a parsed command leaves its coroutine in `chosen`.
// Owner: run(), for the length of the process.
#pragma once

#include <CLI/CLI.hpp>

#include <cairn/client/options.hpp>

#include "cli.hpp"

namespace cairn::cli {

struct Globals {
  std::string bootstrap = "127.0.0.1:9092";
  bool json = false;
  bool verbose = false;
  double timeout_seconds = 15;
  bool errors_go_to_terminal = false;

  /// The client options these make. invalid_config.
  Result<client::ClientOptions> client_options() const;
};

struct Program {
  explicit Program(Machine& machine) : machine(machine) {}
  Machine& machine;
  Globals globals;
  Command chosen;
  bool needs_cluster = true;  // false: the command works offline
};

/// A command with a description and an example; `--json` is added to those that list something.
CLI::App* add_command(CLI::App& under, const std::string& name, const std::string& what,
                      const std::string& example);
void add_json(CLI::App& command, Program& program);

void add_topic(CLI::App& app, Program& program);
void add_produce(CLI::App& app, Program& program);
void add_consume(CLI::App& app, Program& program);
void add_group(CLI::App& app, Program& program);
void add_config(CLI::App& app, Program& program);
void add_cluster(CLI::App& app, Program& program);
void add_local(CLI::App& app, Program& program);
void add_log(CLI::App& app, Program& program);
void add_perf(CLI::App& app, Program& program);
void add_completion(CLI::App& app, Program& program);

/// "failed to <doing>: <CODE> (<why>)" on standard error, with what can be done; returns 1.
int report(const Globals& globals, const std::string& doing, const Error& error);
/// The same with words from the broker.
int report(const std::string& doing, ErrorCode code, const std::string& why);
/// A wrong argument: returns 2.
int refuse(const std::string& why);

}  // namespace cairn::cli
