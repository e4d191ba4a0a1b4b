// SPDX-License-Identifier: Apache-2.0
// A broker of production code without a controller of its own: logs, partitions, replication,
// handlers and a listener on a simulated machine. It registers with, hears of and reports to the
// cluster's one controller through ReplicaCluster, which delays, loses and withholds what passes.
// Invariant: at most one life at a time. Owner: the run.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <cairn/broker/listener_service.hpp>
#include <cairn/coordinator/group_coordinator.hpp>
#include <cairn/partition/controller_channel.hpp>
#include <cairn/partition/partition_table.hpp>
#include <cairn/storage/environment.hpp>
#include <cairn/transport/acceptor.hpp>

#include "world/world.hpp"

namespace cairn::simulation {

class ReplicaCluster;

config::ServerConfig replica_config(const std::map<std::string, std::string>& settings);

class ReplicaNode {
 public:
  ReplicaNode(ReplicaCluster& cluster, BrokerId id, std::map<std::string, std::string> settings);

  void start();
  void kill();   // kill -9
  void crash();  // power loss
  void wipe();   // REQUIRES: down; the next life is on a new machine with an empty disk
  void stop();   // SIGTERM: ends by itself, see ended()
  bool up() const;
  bool serving() const { return life_ && life_->serving; }
  bool ended() const { return life_ && life_->ended; }
  /// Between it and the controller something is under way that a kill must not break off.
  bool is_crossing() const { return life_ && life_->crossing; }
  void collect();

  BrokerId id() const { return id_; }
  const std::string& host() const { return host_; }
  runtime::Endpoint endpoint() const { return {host_, 9092}; }
  world::SimMachine& machine();
  runtime::Shard* shard() { return up() ? life_->shard : nullptr; }
  /// Null while it is not up or has not loaded.
  partition::PartitionTable* partitions() {
    return up() && life_->loaded ? &life_->partitions : nullptr;
  }
  BrokerEpoch epoch() const { return life_ ? life_->epoch : no_broker_epoch; }
  /// Log ends and flushed ends at the end of the last life.
  struct Ends {
    Offset log_end, flushed;
    bool truncated = false;  // at any time of that life
  };
  std::map<TopicPartition, Ends> last_ends;
  std::map<TopicPartition, Offset> loaded_ends;  // right after the load of this life
  bool cut_from_controller = false;

 private:
  struct Channel : partition::ControllerChannel {
    explicit Channel(ReplicaNode& of) : node(of) {}
    runtime::Task<Result<protocol::AlterPartitionResponse>> alter_partition(
        protocol::AlterPartitionRequest request) override;
    ReplicaNode& node;
  };

  struct Life {
    Life(ReplicaNode& node, world::Process& process);

    runtime::Shard* shard;
    runtime::Network& network;
    config::ServerConfig config;
    Channel channel;
    storage::Environment environment;
    storage::LogDirectories directories;
    partition::PartitionTable partitions;
    coordinator::GroupCoordinator groups;
    broker::Broker broker;
    broker::ListenerService service;
    transport::RequestMemory memory;
    transport::ConnectionQuota quota;
    std::unique_ptr<transport::Acceptor> acceptor;
    BrokerEpoch epoch = no_broker_epoch;
    Offset applied = no_offset;
    bool loaded = false, serving = false, ended = false, crossing = false;
    bool stop_asked = false, may_stop = false;
    runtime::TaskGroup tasks;
  };

  runtime::Task<> live(std::shared_ptr<Life> life);
  runtime::Task<bool> enrol(std::shared_ptr<Life> life);
  runtime::Task<> follow_images(std::shared_ptr<Life> life);
  runtime::Task<bool> apply_next(std::shared_ptr<Life> life);
  runtime::Task<> beat(std::shared_ptr<Life> life);
  void remember_ends();
  void note_load(Life& life);

  ReplicaCluster& cluster_;
  BrokerId id_;
  std::string host_;
  std::map<std::string, std::string> settings_;
  std::shared_ptr<Life> life_;
  int replacements_ = 0;
};

}  // namespace cairn::simulation
