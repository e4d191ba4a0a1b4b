// SPDX-License-Identifier: Apache-2.0
// All of a node, built on the seams it is given: log directories, controller, partitions, groups,
// listeners. The main program runs one on the real seams, the simulator many on its own.
//
//   start: directories locked -> listeners bound -> controller listener served -> cluster found
//          -> in the quorum -> registered -> logs loaded -> accepting -> unfenced
//   stop:  left the cluster -> requests answered -> groups, partitions, logs -> controller
//
// Everything runs on the data shard except the controller and its listeners, which have a shard of
// their own. Owner: the
// program; stop() it before it dies.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include <cairn/config/server_config.hpp>
#include <cairn/runtime/disk.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::controller {
class Controller;
}
namespace cairn::partition {
class PartitionTable;
}

namespace cairn::server {

struct Seams {
  runtime::Shard& data;
  runtime::Disk& data_disk;
  runtime::Network& data_network;
  runtime::Shard& control;
  runtime::Disk& control_disk;
  runtime::Network& control_network;
  std::uint64_t memory_bytes = 0;  // the machine's, or what is left of it for us; 0: unknown
  std::string host_name = {};      // advertised where a listener names no address
};

struct BoundListener {
  std::string name;
  runtime::Endpoint at;  // with the real port
  bool for_controllers = false;
};

class Node {
 public:
  Node(Seams seams, config::ServerConfig config);
  ~Node();

  /// Serves when this returns. If it fails, with one line for a person, stop() it all the same. It
  /// waits as long as it takes for a cluster and a quorum to be there.
  runtime::Task<std::expected<void, std::string>> start();
  /// Makes a start() that waits for other nodes fail; one that needs nobody any more goes on.
  void interrupt();
  /// Hands its leaderships over, answers what has begun (for at most `patience`), closes its logs.
  runtime::Task<> stop(Duration patience);

  const std::vector<BoundListener>& listeners() const;
  /// "ready node.id=1 listeners=PLAINTEXT://127.0.0.1:9092"
  std::string ready_line() const;
  /// Set when the node can no longer serve (its last log directory failed); then stop() it.
  runtime::Latch& failed();
  const config::ServerConfig& config() const;
  /// For who watches a node from outside (a simulation); used on its shard. Null before start().
  controller::Controller* controller() const;
  /// The same, of its replicas; null before they are loaded.
  partition::PartitionTable* partitions() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cairn::server
