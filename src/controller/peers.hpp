// SPDX-License-Identifier: Apache-2.0
// The other controllers of the cluster as connections: where each one listens (as configured, as
// the voter set says, as a leader has told) and one Peer for each kind of traffic, because a server
// answers the requests of a connection in order and a fetch may wait there for half a second.
// Used on the controller's shard. Owner: Controller::Core, which stop()s it.
#pragma once

#include <map>
#include <memory>

#include <cairn/config/server_config.hpp>
#include <cairn/raft/types.hpp>
#include <cairn/transport/peer.hpp>

namespace cairn::controller {

enum class Lane { votes, fetches, heartbeats, changes, forwarding, formation };

class Peers {
 public:
  Peers(runtime::Shard& shard, runtime::Network& network, const config::ServerConfig& config);

  /// Of the endpoints of a node the one for us: by controller.listener.names, else the first.
  void learn(BrokerId id, const std::vector<raft::Endpoint>& endpoints);
  void learn(const raft::VoterSet& voters);
  /// What a peer says of a leader: less certain than the voter set or the configuration.
  void learn_if_unknown(BrokerId id, const std::vector<raft::Endpoint>& endpoints) {
    if (!addresses_.contains(id)) learn(id, endpoints);
  }
  /// Null while nobody has said where that node listens.
  std::shared_ptr<transport::Peer> find(BrokerId id, Lane lane);
  /// Those that may know the cluster: configured voters (without this node) and bootstrap servers,
  /// which have ids from -2 down.
  const std::vector<BrokerId>& configured() const { return configured_; }
  std::string name_of(BrokerId id) const;

  runtime::Task<> stop();

 private:
  void set(BrokerId id, runtime::Endpoint at);

  runtime::Shard& shard_;
  runtime::Network& network_;
  const config::ServerConfig& config_;
  std::vector<BrokerId> configured_;
  std::map<BrokerId, runtime::Endpoint> addresses_;
  std::map<std::pair<BrokerId, Lane>, std::shared_ptr<transport::Peer>> peers_;
  bool stopped_ = false;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::controller
