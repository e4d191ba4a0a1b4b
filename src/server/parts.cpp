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

Task<std::int16_t> kraft_version_of(const controller::Controller& controller) {
  co_return controller.kraft_version();
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

/// The directory id in the meta.properties of `path`, which format() has written.
Task<DirectoryId> directory_id_of(runtime::Disk& disk, std::string path) {
  const auto text = co_await runtime::read_file(disk, path + "/meta.properties");
  if (!text) co_return DirectoryId{};
  const auto properties = storage::decode_meta_properties(*text);
  co_return properties ? properties->directory_id.value_or(DirectoryId{}) : DirectoryId{};
}

}  // namespace

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
  if (auto done = co_await start_controller(); !done) co_return done;
  if (auto done = co_await join_cluster(); !done) co_return done;
  serving = true;
  co_return StartResult{};
}

Task<StartResult> Node::Parts::lock_and_format() {
  if (auto locked = co_await directories.lock(); !locked) co_return locked;
  const std::optional<storage::MetaProperties> found = directories.found();
  cluster_id = found ? found->cluster_id : Uuid::random(seams.data.random()).text();
  co_return co_await directories.format(cluster_id, config.node_id);
}

Task<StartResult> Node::Parts::bind_listeners() {
  for (const config::ListenerConfig& listener : config.listeners) {
    const runtime::Endpoint at{listener.host, listener.port};
    auto socket = co_await seams.data_network.listen(at);
    if (!socket) {
      co_return std::unexpected(fmt::format("cannot listen on {}://{} (key listeners): {}",
                                            listener.name, to_string(at), socket.error().why));
    }
    runtime::Endpoint shown = (*socket)->local();
    if (!listener.host.empty()) shown.host = listener.host;
    listeners.push_back({.name = listener.name,
                         .at = std::move(shown),
                         .for_controllers = config.is_controller_listener(listener.name)});
    bound.push_back(*std::move(socket));
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

/// What others are told: advertised.listeners, and the port that was bound where theirs is 0.
std::vector<metadata::Endpoint> Node::Parts::advertised(bool of_controllers) const {
  std::vector<metadata::Endpoint> endpoints;
  for (const config::ListenerConfig& listener : config.listeners) {
    if (config.is_controller_listener(listener.name) != of_controllers) continue;
    const auto own = std::ranges::find(config.advertised_listeners, listener.name,
                                       &config::ListenerConfig::name);
    const config::ListenerConfig& shown =
        own == config.advertised_listeners.end() ? listener : *own;
    const auto socket = std::ranges::find(listeners, listener.name, &BoundListener::name);
    endpoints.push_back({.listener = listener.name,
                         .host = shown.host.empty() ? "localhost" : shown.host,
                         .port = shown.port != 0 ? shown.port : socket->at.port,
                         .security_protocol = static_cast<std::int16_t>(listener.protocol)});
  }
  return endpoints;
}

Task<StartResult> Node::Parts::start_controller() {
  groups.start();
  partitions.add_listener(groups);
  const DirectoryId directory = co_await directory_id_of(seams.data_disk, config.metadata_log.dir);
  controller::Identity identity{
      .cluster_id = cluster_id,
      .directory = directory,
      .metadata_directory = config.metadata_log.dir,
      .incarnation = Uuid::random(seams.data.random()),
      .controller_endpoints = advertised(true),
  };
  controller = std::make_unique<controller::Controller>(seams.control, seams.control_disk, config,
                                                        std::move(identity));
  broker = std::make_unique<broker::Broker>(broker::Broker::Parts{
      .config = config,
      .shard = seams.data,
      .controller_shard = seams.control,
      .partitions = partitions,
      .groups = groups,
      .controller = *controller,
      .cluster_id = cluster_id,
  });
  controller->subscribe(seams.data, [this](std::shared_ptr<const metadata::Image> image) {
    return deliver(std::move(image));
  });
  auto start = [this] { return controller->start(); };
  controller_runs = true;
  const Result<> started = co_await runtime::call_on(seams.data, seams.control, start);
  if (!load_failure.empty()) co_return std::unexpected(load_failure);
  if (!started) {
    co_return std::unexpected(fmt::format("the metadata log in {} cannot be used: {} ({})",
                                          config.metadata_log.dir, started.error().why,
                                          to_string(started.error().code)));
  }
  co_return StartResult{};
}

/// Every image, in order. The first one says which logs there are.
Task<> Node::Parts::deliver(std::shared_ptr<const metadata::Image> image) {
  if (!load_failure.empty()) co_return;
  if (!loaded) {
    if (auto result = co_await partitions.load(image); !result) {
      load_failure = result.error();
      co_return;
    }
    loaded = true;
  }
  co_await partitions.apply(image);
  groups.apply(image);
  const auto before = broker->effective_config();
  broker->publish(std::move(image), partitions.effective_config());
  if (broker->effective_config() == before) co_return;
  connection_quota.configure(caps_of(*broker->effective_config()));
  for (std::size_t i = 0; i < acceptors.size(); ++i) {
    acceptors[i]->configure(limits_of(listeners[i]));
  }
}

Task<StartResult> Node::Parts::join_cluster() {
  auto level = [this] { return kraft_version_of(*controller); };
  broker->set_kraft_version(co_await runtime::call_on(seams.data, seams.control, level));
  controller::LocalBroker self{.endpoints = advertised(false),
                               .log_dirs = directories.directory_ids(),
                               .previous_epoch = directories.previous_broker_epoch()};
  auto enrol = [this, self] { return controller->register_local(self); };
  const auto epoch = co_await runtime::call_on(seams.data, seams.control, enrol);
  if (!epoch) {
    co_return std::unexpected(
        fmt::format("the controller refused this broker: {}", epoch.error().why));
  }
  broker_epoch = *epoch;
  start_accepting();
  auto unfence = [this] { return controller->unfence_local(); };
  const auto unfenced = co_await runtime::call_on(seams.data, seams.control, unfence);
  if (!unfenced) {
    co_return std::unexpected(
        fmt::format("the controller does not let this broker serve: {}", unfenced.error().why));
  }
  if (!load_failure.empty()) co_return std::unexpected(load_failure);
  co_return StartResult{};
}

transport::AcceptorLimits Node::Parts::limits_of(const BoundListener& listener) const {
  const std::shared_ptr<const config::ServerConfig> effective = broker->effective_config();
  const config::SocketConfig& socket = effective->socket;
  transport::AcceptorLimits limits;
  const auto own = socket.listener_max_connections.find(listener.name);
  if (own != socket.listener_max_connections.end()) {
    limits.max_connections = static_cast<std::size_t>(own->second);
  }
  std::string prefix = "listener.name." + listener.name;
  std::ranges::transform(prefix, prefix.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  limits.rate = rate_of(*effective, prefix + ".max.connection.creation.rate");
  limits.of_nodes = listener.for_controllers ||
                    (listener.name == effective->inter_broker_listener_name &&
                     std::ranges::count(listeners, false, &BoundListener::for_controllers) > 1);
  limits.connection.max_request_bytes = static_cast<std::size_t>(socket.request_max_bytes);
  limits.connection.max_idle = socket.connections_max_idle;
  return limits;
}

void Node::Parts::start_accepting() {
  for (std::size_t i = 0; i < bound.size(); ++i) {
    const BoundListener& listener = listeners[i];
    const auto role =
        listener.for_controllers ? broker::ListenerRole::controller : broker::ListenerRole::broker;
    services.push_back(std::make_unique<broker::ListenerService>(*broker, listener.name, role));
    acceptors.push_back(std::make_unique<transport::Acceptor>(
        seams.data, listener.name, std::move(bound[i]), *services.back(), request_memory,
        connection_quota, limits_of(listener)));
    acceptors.back()->start();
  }
  bound.clear();
}

/// A node without a usable directory, or without its metadata, is none.
Task<> Node::Parts::watch_directories() {
  while (co_await directories.directory_failed().wait()) {
    if (directories.online_count() > 0 && directories.metadata_directory_online()) continue;
    logging::error("stopping: no usable log directory is left");
    failed.set();
  }
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
  if (controller_runs) {
    // No image reaches the partitions after this; the log under them is the broker's own to close.
    auto end = [this] { return controller->stop(); };
    co_await runtime::call_on(seams.data, seams.control, end);
  }
  co_await partitions.stop();
  co_await directories.stop(broker_epoch);
}

}  // namespace cairn::server
