// SPDX-License-Identifier: Apache-2.0
// What a node is made of, in the order of its making; destroyed in reverse. A part is null until
// its turn in start() has come. Owner: Node.
#pragma once

#include <optional>

#include <cairn/broker/listener_service.hpp>
#include <cairn/controller/controller.hpp>
#include <cairn/coordinator/group_coordinator.hpp>
#include <cairn/http/server.hpp>
#include <cairn/partition/partition_table.hpp>
#include <cairn/server/node.hpp>
#include <cairn/storage/environment.hpp>
#include <cairn/storage/log_directories.hpp>
#include <cairn/transport/acceptor.hpp>

#include "control_side.hpp"
#include "to_controller.hpp"

namespace cairn::server {

using StartResult = std::expected<void, std::string>;

transport::ConnectionCaps caps_of(const config::ServerConfig& config);

struct Node::Parts {
  Parts(Seams with, config::ServerConfig configured);

  runtime::Task<StartResult> start();
  void interrupt();
  runtime::Task<> stop(Duration patience);

  Seams seams;
  config::ServerConfig config;
  storage::Environment environment;
  storage::LogDirectories directories;
  std::unique_ptr<ToController> to_controller;  // of a node with the broker role
  partition::PartitionTable partitions;
  coordinator::GroupCoordinator groups;
  std::unique_ptr<controller::Controller> controller;
  std::unique_ptr<ControlSide> control;  // of a node with the controller role
  std::unique_ptr<broker::Broker> broker;
  transport::RequestMemory request_memory;
  transport::ConnectionQuota connection_quota;
  std::vector<ControlSide::Socket> bound, bound_for_control;
  std::vector<BoundListener> listeners;
  std::vector<std::unique_ptr<broker::ListenerService>> services;
  std::vector<std::unique_ptr<transport::Acceptor>> acceptors;
  std::unique_ptr<http::Server> http;
  runtime::Latch failed;
  bool serving = false;
  BrokerEpoch broker_epoch = no_broker_epoch;
  std::vector<DirectoryId> registered_directories;
  bool loaded = false;  // the partitions, from the first image
  bool controller_runs = false;
  bool interrupted = false;
  std::string cluster_id;
  std::string load_failure;
  runtime::TaskGroup tasks;

 private:
  runtime::Task<StartResult> lock_and_format();
  runtime::Task<StartResult> bind_listeners();
  runtime::Task<StartResult> make_controller();
  runtime::Task<StartResult> find_cluster();
  runtime::Task<StartResult> start_controller();
  runtime::Task<StartResult> join_cluster();
  broker::Broker::Parts broker_parts(runtime::Shard& on);
  std::string why_no_controller(const Error& error) const;
  void start_accepting();
  runtime::Task<StartResult> start_http();
  runtime::Task<> deliver(std::shared_ptr<const metadata::Image> image);
  runtime::Task<> watch_directories();
  runtime::Task<> watch_metadata_log();
  void give_up(std::string_view why);
  void report_failed_directories();  // report_places.cpp, as is
  runtime::Task<> report_places();
  std::vector<metadata::Endpoint> advertised() const;
  std::vector<metadata::Endpoint> controller_endpoints() const;
  transport::AcceptorLimits limits_of(const std::string& listener) const;
  runtime::Task<> open_control();
  runtime::Task<> deliver_to_control(std::shared_ptr<const metadata::Image> image);
  runtime::Task<Result<>> start_in_cluster();
  runtime::Task<> stop_control(Duration patience);
};

}  // namespace cairn::server
