// SPDX-License-Identifier: Apache-2.0
// cairn local start
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cairn/client/admin.hpp>

#include "local_commands.hpp"
#include "output.hpp"

namespace cairn::cli {

namespace {

using runtime::Task;

constexpr std::chrono::milliseconds look_again(20);

/// The cairnd beside this program, else the first one in PATH.
Task<std::optional<std::string>> find_cairnd(Session& session, std::string search_path) {
  std::vector<std::string> folders = {session.processes.own_folder()};
  for (auto& folder : CLI::detail::split(search_path, ':')) folders.push_back(std::move(folder));
  for (const auto& folder : folders) {
    if (folder.empty()) continue;
    std::string program = session.processes.absolute(folder + "/cairnd");
    const auto status = co_await session.disk.stat(program);
    if (status && status->exists && !status->is_directory) co_return program;
  }
  co_return std::nullopt;
}

/// A first port from which on all are free; 0 if none is found.
Task<std::uint16_t> free_ports(Session& session, int brokers) {
  constexpr int attempts = 200;
  constexpr int lowest = 20000;   // above what services use,
  constexpr int highest = 32000;  // below what the system gives to connections
  for (int attempt = 0; attempt < attempts; attempt++) {
    LocalCluster cluster{.directory = "", .brokers = brokers};
    cluster.port = static_cast<std::uint16_t>(session.shard.random().between(lowest, highest));
    LocalNodes nodes(session, cluster);
    bool free = true;
    for (int id = 1; free && id <= brokers; id++) {
      const auto taken = co_await nodes.taken_port(id);
      free = !taken;
    }
    if (free) co_return cluster.port;
  }
  co_return 0;
}

/// One that begins now.
Task<std::expected<LocalCluster, int>> new_cluster(Session& session, std::string directory,
                                                   LocalArguments arguments) {
  const auto entries = co_await session.disk.list(directory);
  if (entries && std::ranges::any_of(*entries, [](const auto& e) { return e.name != "lock"; })) {
    co_return std::unexpected(
        refuse(fmt::format("{} is not empty and holds no cluster of `cairn local`", directory)));
  }
  LocalCluster cluster{.directory = directory};
  cluster.brokers = arguments.brokers.value_or(cluster.brokers);
  const int port = arguments.port.value_or(cluster.port);
  cluster.port = static_cast<std::uint16_t>(port);
  if (port == 0) cluster.port = co_await free_ports(session, cluster.brokers);
  if (cluster.port == 0 || cluster.last_port() > 65535) {
    co_return std::unexpected(
        refuse(fmt::format("--port {}: {} nodes need {} ports that are free", port, cluster.brokers,
                           cluster.brokers * LocalCluster::ports_each)));
  }
  co_return cluster;
}

/// The one that the directory holds, if it is what was asked for, or a new one.
Task<std::expected<LocalCluster, int>> cluster_to_start(Session& session,
                                                        LocalArguments arguments) {
  std::string directory = session.processes.absolute(arguments.directory);
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  if (directory.contains(',')) {
    co_return std::unexpected(refuse("--directory: a comma would make it two (log.dirs)"));
  }
  const auto found = co_await local_cluster_in(session, directory);
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return co_await new_cluster(session, directory, std::move(arguments));
  const LocalCluster& cluster = **found;
  if (arguments.brokers.value_or(cluster.brokers) != cluster.brokers) {
    co_return std::unexpected(refuse(fmt::format(
        "{} holds a cluster of {} brokers, not {}: leave --brokers out, give another --directory, "
        "or remove that one",
        directory, cluster.brokers, *arguments.brokers)));
  }
  const int port = arguments.port.value_or(cluster.port);
  if (port != 0 && port != cluster.port) {
    co_return std::unexpected(refuse(
        fmt::format("the cluster in {} has its ports from {} on, not {}: leave --port out, or give "
                    "another --directory",
                    directory, cluster.port, port)));
  }
  co_return cluster;
}

class Starting {
 public:
  Starting(Session& session, const Globals& globals, const LocalCluster& cluster, Instant deadline)
      : session_(session), globals_(globals), nodes_(session, cluster), deadline_(deadline) {}

  Task<int> run(std::string program);

 private:
  Task<bool> note_down();
  Task<bool> launch(int id, std::string program);
  Task<bool> await_ready(int id);
  Task<bool> await_brokers();
  Task<> take_back();
  bool out_of_patience() const {
    return session_.stop.is_set() || session_.shard.clock().now() >= deadline_;
  }
  int conclude(const std::vector<LocalNode>& nodes) const;

  Session& session_;
  const Globals& globals_;
  LocalNodes nodes_;
  Instant deadline_;
  std::vector<int> started_;
};

Task<int> Starting::run(std::string program) {
  const auto before = co_await nodes_.look_at_all();
  for (const auto& node : before) {  // before any starts: all or none
    if (node.process) continue;
    const auto taken = co_await nodes_.taken_port(node.id);
    if (!taken) continue;
    fmt::print(stderr,
               "cairn: port {}, which node {} needs, is in use: end what listens there, or "
               "begin another cluster with --port and --directory\n",
               *taken, node.id);
    co_return 1;
  }
  if (!co_await note_down()) co_return 1;
  bool well = true;
  for (const auto& node : before) {
    if (!node.process && well) well = co_await launch(node.id, program);
  }
  for (const auto& node : before) {
    if (well) well = co_await await_ready(node.id);
  }
  if (well) well = co_await await_brokers();
  if (!well) {
    co_await take_back();
    co_return 1;
  }
  const auto after = co_await nodes_.look_at_all();
  co_return conclude(after);
}

/// From now on the directory holds this cluster.
Task<bool> Starting::note_down() {
  const auto& cluster = nodes_.cluster();
  Bytes text = to_bytes(cluster.description());
  const auto written =
      co_await runtime::replace_file(session_.disk, cluster.description_file(), std::move(text));
  if (!written) {
    fmt::print(stderr, "cairn: cannot write {}: {}\n", cluster.description_file(),
               written.error().why);
  }
  co_return written.has_value();
}

Task<bool> Starting::launch(int id, std::string program) {
  const auto prepared = co_await nodes_.prepare(id);
  Result<runtime::ProcessId> started = 0;
  if (prepared) started = co_await nodes_.start(id, std::move(program));
  if (!prepared || !started) {
    const Error error = prepared ? started.error() : prepared.error();
    fmt::print(stderr, "cairn: cannot start node {}: {}\n", id, error.why);
    co_return false;
  }
  started_.push_back(id);
  co_return true;
}

/// Until it has said that it serves. False, and said, if it ended or does not get there.
Task<bool> Starting::await_ready(int id) {
  const auto& cluster = nodes_.cluster();
  while (true) {
    const auto node = co_await nodes_.look(id);
    if (node.process && node.serves) co_return true;
    if (!node.process) {
      const std::string tail = co_await nodes_.log_tail(id);
      fmt::print(stderr, "cairn: node {} ended before it served; the end of {}:\n{}\n", id,
                 cluster.log_file(id), tail);
      co_return false;
    }
    if (out_of_patience()) {
      fmt::print(stderr, "cairn: node {} does not serve yet; see {}\n", id, cluster.log_file(id));
      co_return false;
    }
    co_await session_.shard.clock().sleep_for(look_again);
  }
}

/// Until each of them is a broker of the cluster, so that a topic may have as many replicas.
Task<bool> Starting::await_brokers() {
  Globals globals = globals_;
  globals.bootstrap = nodes_.cluster().bootstrap();
  auto options = globals.client_options();
  if (!options) co_return false;
  client::Admin admin(session_.shard, session_.network, *options);
  bool all = false;
  while (!all) {
    const auto described = co_await admin.describe_cluster();
    all = described &&
          described->brokers.size() == static_cast<std::size_t>(nodes_.cluster().brokers);
    if (all || out_of_patience()) break;
    co_await session_.shard.clock().sleep_for(look_again);
  }
  co_await admin.stop();
  if (!all) fmt::print(stderr, "cairn: the nodes run, but do not all serve as brokers\n");
  co_return all;
}

/// A start that failed leaves running what ran before it.
Task<> Starting::take_back() {
  for (const int id : started_) {
    const auto node = co_await nodes_.look(id);
    if (node.process) static_cast<void>(session_.processes.terminate(*node.process));
  }
  const Instant deadline = session_.shard.clock().now() + std::chrono::seconds(20);
  for (const int id : started_) {
    const bool ended = co_await nodes_.await_end(id, deadline);
    if (ended) co_await nodes_.forget(id);
  }
  if (!started_.empty()) fmt::print(stderr, "cairn: stopped what this command had started\n");
}

int Starting::conclude(const std::vector<LocalNode>& nodes) const {
  const auto& cluster = nodes_.cluster();
  print_local_nodes(globals_, cluster, nodes, "");
  if (globals_.json) return 0;
  fmt::print("{}; all {} serve, files are in {}\n",
             started_.empty() ? "nothing to start"
                              : fmt::format("started node {}", fmt::join(started_, ", ")),
             cluster.brokers, cluster.directory);
  fmt::print("export CAIRN_BOOTSTRAP={}\n", cluster.bootstrap());
  return 0;
}

}  // namespace

Task<int> start_local(Session& session, Globals globals, LocalArguments arguments) {
  const auto program = co_await find_cairnd(session, arguments.search_path);
  if (!program) {
    fmt::print(stderr, "cairn: there is no cairnd beside this program, and none in PATH\n");
    co_return 1;
  }
  const auto cluster = co_await cluster_to_start(session, arguments);
  if (!cluster) co_return cluster.error();
  const auto made = co_await session.disk.create_directory(cluster->directory);
  if (!made) {
    fmt::print(stderr, "cairn: cannot make {}: {}\n", cluster->directory, made.error().why);
    co_return 1;
  }
  const auto lock = co_await lock_local_cluster(session, *cluster);
  if (!lock) co_return lock.error();
  Starting starting(session, globals, *cluster, patience_of(session, arguments));
  co_return co_await starting.run(*program);
}

}  // namespace cairn::cli
