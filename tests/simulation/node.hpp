// SPDX-License-Identifier: Apache-2.0
// A simulated machine that runs a node of production code, over and over: started, killed, stopped,
// without power, with a full disk. Invariant: at most one life at a time. Owner: the run.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <cairn/runtime/network.hpp>

#include "world/world.hpp"

namespace cairn::controller {
class Controller;
}
namespace cairn::partition {
class PartitionTable;
}

namespace cairn::simulation {

class SimNode {
 public:
  SimNode(world::World& world, std::string host, std::map<std::string, std::string> settings);

  void start();
  /// kill -9; peers notice, the page cache survives. Where a flush had failed the machine goes down
  /// as well: its page cache calls clean what it never wrote.
  void kill();
  /// Power loss; peers notice nothing, unsynced writes are lost or torn.
  void crash();
  /// As SIGTERM: drains, then ends.
  void stop();

  bool up() const { return world_.process(host_) != nullptr; }
  /// It serves; false also while it starts.
  bool ready() const;
  /// It ended by itself (asked to, or its disk failed): kill() frees it for the next start.
  bool ended() const;
  /// Steps its wall clock; later lives keep the step.
  void set_wall_skew(std::chrono::milliseconds skew);

  /// Why its last start failed; empty if it did not.
  const std::string& refusal() const { return refusal_; }
  /// Null while it is not up, or before its start has come so far.
  controller::Controller* controller() const;
  /// The same, before its replicas are loaded.
  partition::PartitionTable* partitions() const;

  const std::string& host() const { return host_; }
  runtime::Endpoint endpoint() const { return {host_, 9092}; }
  world::SimMachine& machine() { return world_.machine(host_); }

 private:
  struct Life;

  world::World& world_;
  std::string host_;
  std::map<std::string, std::string> settings_;
  std::shared_ptr<Life> life_;
  std::chrono::milliseconds wall_skew_{0};
  std::string refusal_;
};

}  // namespace cairn::simulation
