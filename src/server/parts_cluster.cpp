// SPDX-License-Identifier: Apache-2.0
// A node's way into its cluster: its controller, the cluster it belongs to, its broker's
// registration.
#include <algorithm>

#include <cairn/base/log.hpp>

#include "parts.hpp"

namespace cairn::server {

using runtime::Task;

namespace {

Task<std::int16_t> kraft_version_of(const controller::Controller& controller) {
  co_return controller.kraft_version();
}

/// The directory id in the meta.properties of `path`, which format() has written.
Task<DirectoryId> directory_id_of(runtime::Disk& disk, std::string path) {
  const auto text = co_await runtime::read_file(disk, path + "/meta.properties");
  if (!text) co_return DirectoryId{};
  const auto properties = storage::decode_meta_properties(*text);
  co_return properties ? properties->directory_id.value_or(DirectoryId{}) : DirectoryId{};
}

bool is_wildcard(const std::string& host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

}  // namespace

/// What clients are told: advertised.listeners, the port that was bound where theirs is 0, and this
/// machine's name where they name no address.
std::vector<metadata::Endpoint> Node::Parts::advertised() const {
  const std::string own_name = seams.host_name.empty() ? "localhost" : seams.host_name;
  std::vector<metadata::Endpoint> endpoints;
  for (const config::ListenerConfig& listener : config.listeners) {
    if (config.is_controller_listener(listener.name)) continue;
    const auto own = std::ranges::find(config.advertised_listeners, listener.name,
                                       &config::ListenerConfig::name);
    const config::ListenerConfig& shown =
        own == config.advertised_listeners.end() ? listener : *own;
    const auto socket = std::ranges::find(listeners, listener.name, &BoundListener::name);
    endpoints.push_back({.listener = listener.name,
                         .host = shown.host.empty() ? own_name : shown.host,
                         .port = shown.port != 0 ? shown.port : socket->at.port,
                         .security_protocol = static_cast<std::int16_t>(listener.protocol)});
  }
  return endpoints;
}

/// Where the other nodes reach this controller. A listener on all addresses says nothing of that;
/// controller.quorum.voters does.
std::vector<metadata::Endpoint> Node::Parts::controller_endpoints() const {
  std::vector<metadata::Endpoint> endpoints;
  const auto voter =
      std::ranges::find(config.quorum.voters, config.node_id, &config::VoterConfig::id);
  for (const config::ListenerConfig& listener : config.listeners) {
    if (!config.is_controller_listener(listener.name)) continue;
    const auto own = std::ranges::find(config.advertised_listeners, listener.name,
                                       &config::ListenerConfig::name);
    const bool given = own != config.advertised_listeners.end();
    const auto socket = std::ranges::find(listeners, listener.name, &BoundListener::name);
    metadata::Endpoint endpoint{.listener = listener.name,
                                .host = given ? own->host : listener.host,
                                .port = given && own->port != 0 ? own->port : socket->at.port,
                                .security_protocol = static_cast<std::int16_t>(listener.protocol)};
    if (is_wildcard(endpoint.host) && voter != config.quorum.voters.end()) {
      endpoint.host = voter->host;
      endpoint.port = voter->port;
    }
    if (is_wildcard(endpoint.host)) endpoint.host = "localhost";
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

broker::Broker::Parts Node::Parts::broker_parts(runtime::Shard& on) {
  return {
      .config = config,
      .shard = on,
      .controller_shard = seams.control,
      .partitions = partitions,
      .groups = groups,
      .controller = *controller,
      .cluster_id = cluster_id,
  };
}

/// From here on others can ask this node, though it has no answers yet.
Task<StartResult> Node::Parts::make_controller() {
  const DirectoryId directory = co_await directory_id_of(seams.data_disk, config.metadata_log.dir);
  controller::Identity identity{
      .cluster_id = cluster_id,
      .directory = directory,
      .metadata_directory = config.metadata_log.dir,
      .incarnation = Uuid::random(seams.data.random()),
      .controller_endpoints = controller_endpoints(),
  };
  controller = std::make_unique<controller::Controller>(
      seams.control, seams.control_disk, seams.control_network, config, std::move(identity));
  if (config.broker_role) {
    to_controller = std::make_unique<ToController>(seams.data, *controller);
    partitions.connect(seams.data_network, *to_controller);
    groups.start();
    partitions.add_listener(groups);
    broker = std::make_unique<broker::Broker>(broker_parts(seams.data));
    controller->subscribe(
        seams.data,
        [this](std::shared_ptr<const metadata::Image> image) { return deliver(std::move(image)); },
        controller::FirstImage::after_registration);
  }
  if (!config.controller_role) co_return StartResult{};
  controller->subscribe(seams.control,
                        [this](std::shared_ptr<const metadata::Image> image) -> Task<> {
                          return deliver_to_control(std::move(image));
                        });
  auto open = [this] { return open_control(); };
  co_await runtime::call_on(seams.data, seams.control, open);
  co_return StartResult{};
}

/// On the controller's shard, as is what follows.
Task<> Node::Parts::open_control() {
  const std::string name = bound_for_control.empty() ? "" : bound_for_control.front().name;
  control = std::make_unique<ControlSide>(broker_parts(seams.control), seams.control_network,
                                          std::exchange(bound_for_control, {}), limits_of(name));
  control->start();
  co_return;
}

Task<> Node::Parts::deliver_to_control(std::shared_ptr<const metadata::Image> image) {
  control->publish(std::move(image));
  co_return;
}

Task<Result<>> Node::Parts::start_in_cluster() {
  controller->belong_to(cluster_id);
  if (control != nullptr) control->belong_to(cluster_id);
  co_return co_await controller->start();
}

/// An empty node gets its cluster; its directories are formatted for it before anybody is told.
Task<StartResult> Node::Parts::find_cluster() {
  if (interrupted) co_return std::unexpected("stopped while it started");
  if (!cluster_id.empty()) co_return StartResult{};
  auto find = [this] { return controller->find_cluster(); };
  Result<std::string> found = co_await runtime::call_on(seams.data, seams.control, find);
  if (!found) {
    co_return std::unexpected(fmt::format("this node has no cluster: {}", found.error().why));
  }
  cluster_id = *std::move(found);
  if (broker != nullptr) broker->cluster_id = cluster_id;
  co_return co_await directories.format(cluster_id, config.node_id);
}

Task<StartResult> Node::Parts::start_controller() {
  controller_runs = true;
  auto start = [this] { return start_in_cluster(); };
  const Result<> started = co_await runtime::call_on(seams.data, seams.control, start);
  if (!load_failure.empty()) co_return std::unexpected(load_failure);
  if (!started) co_return std::unexpected(why_no_controller(started.error()));
  co_return StartResult{};
}

std::string Node::Parts::why_no_controller(const Error& error) const {
  if (error.code == ErrorCode::kafka_storage_error || error.code == ErrorCode::corrupt_message) {
    return fmt::format("the metadata log in {} cannot be used: {} ({})", config.metadata_log.dir,
                       error.why, to_string(error.code));
  }
  return fmt::format("no place in the quorum of cluster {}: {} ({})", cluster_id, error.why,
                     to_string(error.code));
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
  for (const auto& acceptor : acceptors) acceptor->configure(limits_of(acceptor->name()));
}

Task<StartResult> Node::Parts::join_cluster() {
  auto level = [this] { return kraft_version_of(*controller); };
  broker->set_kraft_version(co_await runtime::call_on(seams.data, seams.control, level));
  controller::LocalBroker self{.endpoints = advertised(),
                               .log_dirs = directories.directory_ids(),
                               .previous_epoch = directories.previous_broker_epoch()};
  registered_directories = self.log_dirs;
  auto enrol = [this, self] { return controller->register_local(self); };
  const auto epoch = co_await runtime::call_on(seams.data, seams.control, enrol);
  if (!epoch) {
    co_return std::unexpected(
        fmt::format("the controller refused this broker: {}", epoch.error().why));
  }
  broker_epoch = *epoch;
  report_failed_directories();  // while it registered
  if (!load_failure.empty()) co_return std::unexpected(load_failure);
  start_accepting();
  auto unfence = [this] { return controller->unfence_local(); };
  const auto unfenced = co_await runtime::call_on(seams.data, seams.control, unfence);
  if (!unfenced) {
    co_return std::unexpected(
        fmt::format("the controller does not let this broker serve: {}", unfenced.error().why));
  }
  if (!load_failure.empty()) co_return std::unexpected(load_failure);
  tasks.spawn(report_places());
  co_return StartResult{};
}

}  // namespace cairn::server
