// SPDX-License-Identifier: Apache-2.0
#include "parts.hpp"

#include <algorithm>
#include <cctype>

#include <cairn/base/log.hpp>

#include "exposure.hpp"

namespace cairn::server {

using runtime::Task;

namespace {

storage::LogDirectoriesOptions directories_of(const config::ServerConfig& config) {
  return {.paths = config.log.dirs,
          .metadata_path = config.metadata_log.dir,
          .config = config.log,
          .file_delete_delay = config.topic_defaults.file_delete_delay,
          .cleaner = storage::cleaner_options(config.cleaner)};
}

/// What requests in progress may hold together. Where nothing is configured Kafka has no limit; we
/// take an eighth of the machine's memory.
std::int64_t request_memory_of(const config::ServerConfig& config, std::uint64_t machine_memory) {
  constexpr std::int64_t least = std::int64_t{64} << 20;
  const std::int64_t limit = config.socket.queued_max_request_bytes;
  return limit > 0 ? limit : std::max(static_cast<std::int64_t>(machine_memory / 8), least);
}

/// The limit that `key` sets, measured over the windows of quotas.
transport::ConnectionRateLimit rate_of(const config::ServerConfig& config, std::string_view key) {
  const auto number = [&](std::string_view name) {
    return static_cast<std::size_t>(std::stoull(config::value_of(config, name).value_or("0")));
  };
  return {.per_second = number(key),
          .windows = number("quota.window.num"),
          .window_length = std::chrono::seconds(number("quota.window.size.seconds"))};
}

}  // namespace

transport::ConnectionCaps caps_of(const config::ServerConfig& config) {
  const config::SocketConfig& socket = config.socket;
  transport::ConnectionCaps caps;
  caps.in_all = static_cast<std::size_t>(socket.max_connections);
  caps.per_address = static_cast<std::size_t>(socket.max_connections_per_ip);
  for (const auto& [address, limit] : socket.max_connections_per_ip_overrides) {
    caps.overrides[address] = static_cast<std::size_t>(limit);
  }
  caps.rate = rate_of(config, "max.connection.creation.rate");
  return caps;
}

Node::Parts::Parts(Seams with, config::ServerConfig configured)
    : seams(with),
      config(std::move(configured)),
      environment(seams.data_disk, seams.data.clock(), seams.data.random().fork()),
      directories(environment, seams.data, directories_of(config)),
      partitions(seams.data, directories, config),
      groups(seams.data, config),
      request_memory(request_memory_of(config, seams.memory_bytes)),
      connection_quota(caps_of(config)),
      tasks(seams.data.context()) {}

Task<StartResult> Node::Parts::start() {
  if (auto done = co_await lock_and_format(); !done) co_return done;
  if (auto done = co_await bind_listeners(); !done) co_return done;
  if (auto done = co_await start_http(); !done) co_return done;
  tasks.spawn(watch_directories());
  if (auto done = co_await make_controller(); !done) co_return done;
  tasks.spawn(watch_metadata_log());
  if (auto done = co_await find_cluster(); !done) co_return done;
  if (auto done = co_await start_controller(); !done) co_return done;
  if (config.broker_role) {
    if (auto done = co_await join_cluster(); !done) co_return done;
  }
  serving = true;
  co_return StartResult{};
}

Task<StartResult> Node::Parts::lock_and_format() {
  if (auto locked = co_await directories.lock(); !locked) co_return locked;
  const std::optional<storage::MetaProperties> found = directories.found();
  const auto& voters = config.quorum.voters;
  const bool is_whole_quorum =
      config.controller_role &&
      (config.quorum.standalone || (voters.size() == 1 && voters.front().id == config.node_id));
  const std::string& wanted = config.quorum.cluster_id;
  if (found && !found->cluster_id.empty()) {
    if (!wanted.empty() && wanted != found->cluster_id) {
      co_return std::unexpected(
          fmt::format("cairn.cluster.id is {}, but {} belongs to cluster {}: another directory is "
                      "meant, or another id",
                      wanted, config.log.dirs.front(), found->cluster_id));
    }
    cluster_id = found->cluster_id;
  } else if (is_whole_quorum) {
    cluster_id = wanted.empty() ? Uuid::random(seams.data.random()).text() : wanted;
  }
  // Without a cluster yet the directories get their ids all the same, and keep them.
  co_return co_await directories.format(cluster_id, config.node_id);
}

Task<StartResult> Node::Parts::bind_listeners() {
  for (const config::ListenerConfig& listener : config.listeners) {
    const runtime::Endpoint at{listener.host, listener.port};
    const bool for_controllers = config.is_controller_listener(listener.name);
    runtime::Shard& shard = for_controllers ? seams.control : seams.data;
    runtime::Network& network = for_controllers ? seams.control_network : seams.data_network;
    auto listen = [&network, at] { return network.listen(at); };
    auto socket = co_await runtime::call_on(seams.data, shard, listen);
    if (!socket) {
      co_return std::unexpected(fmt::format("cannot listen on {}://{} (key listeners): {}",
                                            listener.name, to_string(at), socket.error().why));
    }
    runtime::Endpoint shown = (*socket)->local();
    if (!listener.host.empty()) shown.host = listener.host;
    listeners.push_back(
        {.name = listener.name, .at = std::move(shown), .for_controllers = for_controllers});
    auto& sockets = for_controllers ? bound_for_control : bound;
    sockets.push_back({listener.name, *std::move(socket)});
  }
  co_return StartResult{};
}

Task<StartResult> Node::Parts::start_http() {
  groups.expose(seams.data.metrics());
  if (!config.http.enabled) co_return StartResult{};
  http = std::make_unique<http::Server>(seams.data, seams.data_network,
                                        make_routes({.data = seams.data,
                                                     .control = seams.control,
                                                     .partitions = partitions,
                                                     .controller = controller,
                                                     .config = config,
                                                     .serving = serving}));
  const runtime::Endpoint at{config.http.host, config.http.port};
  if (const Result<> listening = co_await http->listen(at); !listening) {
    http.reset();
    const std::string why = fmt::format("cannot listen on {} (key cairn.http.listener): {}",
                                        to_string(at), listening.error().why);
    if (config.http.configured) co_return std::unexpected(why);
    logging::warn("no metrics and no health checks: {}", why);
  }
  co_return StartResult{};
}

transport::AcceptorLimits Node::Parts::limits_of(const std::string& listener) const {
  const auto held = broker != nullptr ? broker->effective_config() : nullptr;
  const config::ServerConfig& effective = held != nullptr ? *held : config;
  const config::SocketConfig& socket = effective.socket;
  transport::AcceptorLimits limits;
  const auto own = socket.listener_max_connections.find(listener);
  if (own != socket.listener_max_connections.end()) {
    limits.max_connections = static_cast<std::size_t>(own->second);
  }
  std::string prefix = "listener.name." + listener;
  std::ranges::transform(prefix, prefix.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  limits.rate = rate_of(effective, prefix + ".max.connection.creation.rate");
  limits.of_nodes = config.is_controller_listener(listener) ||
                    (listener == effective.inter_broker_listener_name &&
                     std::ranges::count(listeners, false, &BoundListener::for_controllers) > 1);
  limits.connection.max_request_bytes = static_cast<std::size_t>(socket.request_max_bytes);
  limits.connection.max_idle = socket.connections_max_idle;
  return limits;
}

void Node::Parts::start_accepting() {
  for (ControlSide::Socket& socket : bound) {
    services.push_back(std::make_unique<broker::ListenerService>(*broker, socket.name,
                                                                 broker::ListenerRole::broker));
    acceptors.push_back(std::make_unique<transport::Acceptor>(
        seams.data, socket.name, std::move(socket.listener), *services.back(), request_memory,
        connection_quota, limits_of(socket.name)));
    acceptors.back()->start();
  }
  bound.clear();
}

/// A node without a usable directory, or without its metadata, is none.
Task<> Node::Parts::watch_directories() {
  while (co_await directories.directory_failed().wait()) {
    report_failed_directories();
    if (directories.online_count() > 0 && directories.metadata_directory_online()) continue;
    give_up("no usable log directory is left");
  }
}

/// The controller meets errors of its own, and ends with them: without it a node would go on with
/// the metadata of that moment.
Task<> Node::Parts::watch_metadata_log() {
  auto failure = [this] { return controller->failed().wait(); };
  if (!co_await runtime::call_on(seams.data, seams.control, failure)) co_return;
  give_up("the metadata log cannot be used");
}

/// Also while it starts: it would wait for ever for what cannot come.
void Node::Parts::give_up(std::string_view why) {
  logging::error("stopping: {}", why);
  failed.set();
  interrupt();
}

Task<> Node::Parts::stop(Duration patience) {
  serving = false;
  if (broker_epoch != no_broker_epoch) {
    auto leave = [this] { return controller->leave_local(); };
    const auto left = co_await runtime::call_on(seams.data, seams.control, leave);
    if (!left) logging::warn("controlled shutdown failed: {}", left.error().why);
  }
  co_await groups.stop();  // answers whoever waits for a rebalance, so that nothing delays the rest
  for (auto& acceptor : acceptors) co_await acceptor->stop(patience);
  bound.clear();
  if (http) co_await http->stop();
  tasks.cancel();
  co_await tasks.join();
  // No image reaches the partitions after this; the log under them is the broker's own to close.
  auto end = [this, patience] { return stop_control(patience); };
  co_await runtime::call_on(seams.data, seams.control, end);
  co_await partitions.stop();
  co_await directories.stop(broker_epoch);
}

/// On the controller's shard. The quorum hears of it before its questions go unanswered.
Task<> Node::Parts::stop_control(Duration patience) {
  if (controller_runs) co_await controller->hand_over();
  if (control != nullptr) co_await control->stop(patience);
  bound_for_control.clear();
  if (controller != nullptr) co_await controller->stop();
}

void Node::Parts::interrupt() {
  interrupted = true;
  if (controller == nullptr) return;
  runtime::post(seams.control, [this] { controller->give_up_starting(); });
}

}  // namespace cairn::server
