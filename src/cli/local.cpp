// SPDX-License-Identifier: Apache-2.0
// cairn local start|stop|status; start is in local_start.cpp.
#include <fmt/format.h>

#include "local_commands.hpp"
#include "output.hpp"
#include "sighting.hpp"

namespace cairn::cli {

using runtime::Task;

Task<std::expected<std::optional<LocalCluster>, int>> local_cluster_in(Session& session,
                                                                       std::string directory) {
  LocalCluster place{.directory = directory};
  const auto content = co_await runtime::read_file(session.disk, place.description_file());
  if (!content && runtime::is_not_found(content.error())) co_return std::nullopt;
  if (!content) {
    co_return std::unexpected(
        refuse(fmt::format("cannot read {}: {}", place.description_file(), content.error().why)));
  }
  auto cluster = LocalCluster::parse(std::move(directory), as_text(*content));
  if (!cluster) {
    co_return std::unexpected(
        refuse(fmt::format("{}: {}", place.description_file(), cluster.error())));
  }
  co_return *std::move(cluster);
}

Task<std::expected<std::unique_ptr<runtime::DirectoryLock>, int>> lock_local_cluster(
    Session& session, const LocalCluster& cluster) {
  auto lock = co_await session.disk.lock(cluster.lock_file());
  if (lock) co_return *std::move(lock);
  const char* why = runtime::is_locked(lock.error()) ? "another `cairn local` is at work there"
                                                     : lock.error().why;
  fmt::print(stderr, "cairn: {}: {}\n", cluster.directory, why);
  co_return std::unexpected(1);
}

Instant patience_of(Session& session, const LocalArguments& arguments) {
  return session.shard.clock().now() +
         std::chrono::duration_cast<Duration>(
             std::chrono::duration<double>(arguments.patience_seconds));
}

void print_local_nodes(const Globals& globals, const LocalCluster& cluster,
                       const std::vector<LocalNode>& nodes, const std::string& health) {
  Table table({">NODE", ">PID", "STATE", "CLIENTS", "CONTROLLER", "METRICS", "LOG"});
  Json json;
  json.begin_object().field("directory", cluster.directory);
  json.field("bootstrap", cluster.bootstrap()).key("nodes").begin_array();
  for (const auto& node : nodes) {
    const auto at = [](int port) { return fmt::format("127.0.0.1:{}", port); };
    const char* state = !node.process ? "stopped" : node.serves ? "serves" : "starting";
    table.add({fmt::to_string(node.id), node.process ? fmt::to_string(node.process->id) : "-",
               state, at(cluster.broker_port(node.id)), at(cluster.controller_port(node.id)),
               at(cluster.metrics_port(node.id)), cluster.log_file(node.id)});
    json.begin_object().field("id", node.id).field("state", state).key("pid");
    node.process ? json.value(node.process->id) : json.null();
    json.field("clients", at(cluster.broker_port(node.id)));
    json.field("controller", at(cluster.controller_port(node.id)));
    json.field("metrics", at(cluster.metrics_port(node.id)));
    json.field("log", cluster.log_file(node.id)).end_object();
  }
  json.end_array().key("health");
  health.empty() ? json.null() : json.raw(health);
  json.end_object();
  Printer out;
  out.buffer() = globals.json ? json.text() + '\n' : table.text();
}

namespace {

/// The cluster of the directory, which must hold one.
Task<std::expected<LocalCluster, int>> existing(Session& session, std::string directory) {
  auto found = co_await local_cluster_in(session, directory);
  if (!found) co_return std::unexpected(found.error());
  if (!*found) {
    fmt::print(stderr, "cairn: {} holds no cluster: see `cairn local start --help`\n", directory);
    co_return std::unexpected(1);
  }
  co_return **std::move(found);
}

Task<int> stop(Session& session, Globals globals, LocalArguments arguments) {
  const auto cluster = co_await existing(session, session.processes.absolute(arguments.directory));
  if (!cluster) co_return cluster.error();
  const auto lock = co_await lock_local_cluster(session, *cluster);
  if (!lock) co_return lock.error();
  LocalNodes nodes(session, *cluster);
  const auto before = co_await nodes.look_at_all();
  int code = 0;
  for (const auto& node : before) {
    if (!node.process) continue;
    const auto asked = session.processes.terminate(*node.process);
    if (!asked) code = report(globals, fmt::format("stop node {}", node.id), asked.error());
  }
  const Instant deadline = patience_of(session, arguments);
  for (const auto& node : before) {
    if (!node.process) {
      if (!globals.json) fmt::print("node {} was not running\n", node.id);
      co_await nodes.forget(node.id);
    } else if (co_await nodes.await_end(node.id, deadline)) {
      if (!globals.json) fmt::print("stopped node {} (pid {})\n", node.id, node.process->id);
      co_await nodes.forget(node.id);
    } else {
      fmt::print(stderr, "cairn: node {} (pid {}) has not ended after {} s; see {}\n", node.id,
                 node.process->id, arguments.patience_seconds, cluster->log_file(node.id));
      code = 1;
    }
  }
  if (globals.json) {
    const auto after = co_await nodes.look_at_all();
    print_local_nodes(globals, *cluster, after, "");
  }
  co_return code;
}

/// What the cluster says of itself.
struct LocalHealth {
  bool healthy = false;
  std::string text;
  std::string json;
};

Task<LocalHealth> health_of(Session& session, Globals globals, const LocalCluster& cluster) {
  globals.bootstrap = cluster.bootstrap();
  globals.timeout_seconds = std::min(globals.timeout_seconds, 5.0);
  auto options = globals.client_options();
  if (!options) co_return LocalHealth{};
  client::Admin admin(session.shard, session.network, *options);
  const auto seen = co_await look_at(admin);
  co_await admin.stop();
  LocalHealth out;
  if (!seen) {
    out.text = fmt::format("NOT healthy: {}\n", seen.error().why);
    co_return out;
  }
  const auto problems = judge(*seen);
  out.healthy = problems.empty();
  out.text = health_as_text(*seen, problems);
  out.json = health_as_json(*seen, problems);
  co_return out;
}

Task<int> status(Session& session, Globals globals, LocalArguments arguments) {
  const auto cluster = co_await existing(session, session.processes.absolute(arguments.directory));
  if (!cluster) co_return cluster.error();
  LocalNodes nodes(session, *cluster);
  const auto seen = co_await nodes.look_at_all();
  bool all_serve = true;
  bool one_runs = false;
  for (const auto& node : seen) {
    all_serve &= node.process && node.serves;
    one_runs |= node.process.has_value();
  }
  LocalHealth health;
  if (one_runs) health = co_await health_of(session, globals, *cluster);
  print_local_nodes(globals, *cluster, seen, health.json);
  if (!globals.json) fmt::print("{}", health.text);
  co_return all_serve&& health.healthy ? 0 : 1;
}

using LocalAction = Task<int> (*)(Session&, Globals, LocalArguments);

void choose(CLI::App* command, Program& program, std::shared_ptr<LocalArguments> arguments,
            LocalAction action) {
  add_json(*command, program);
  command->callback([&program, arguments, action] {
    program.needs_cluster = false;
    program.chosen = [&program, arguments, action](Session& session) {
      return action(session, program.globals, *arguments);
    };
  });
}

}  // namespace

void add_local(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<LocalArguments>();
  const auto variable = [&](const char* name) {
    return program.machine.variable(name).value_or("");
  };
  arguments->directory = usual_local_directory(variable("XDG_DATA_HOME"), variable("HOME"));
  arguments->search_path = variable("PATH");
  auto* local = app.add_subcommand("local", "Run a cluster on this machine");
  local->require_subcommand(1);
  const auto common = [&](CLI::App* command) {
    command->add_option("--directory", arguments->directory, "Where its files are")
        ->capture_default_str();
  };
  const auto patience = [&](CLI::App* command) {
    command->add_option("--wait", arguments->patience_seconds, "Seconds to wait, at most")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
  };

  auto* command = add_command(*local, "start",
                              "Start the nodes that do not run, and wait until all of them serve",
                              "cairn local start --brokers 3");
  common(command);
  patience(command);
  command
      ->add_option("--brokers", arguments->brokers,
                   "How many nodes, each broker and controller; default: 3, or those there are")
      ->check(CLI::Range(1, LocalCluster::most_brokers));
  command
      ->add_option("--port", arguments->port,
                   "The first of three ports a node, on loopback; 0: any that are free; default: "
                   "9092, or those it has")
      ->check(CLI::Range(0, 65535));
  choose(command, program, arguments, start_local);

  command = add_command(*local, "stop", "End the nodes with SIGTERM, and wait until they are gone",
                        "cairn local stop");
  common(command);
  patience(command);
  choose(command, program, arguments, stop);

  command = add_command(*local, "status",
                        "Show the nodes and their health; exit code 0 if all serve, 1 if not",
                        "cairn local status");
  common(command);
  choose(command, program, arguments, status);
}

}  // namespace cairn::cli
