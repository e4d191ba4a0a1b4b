// SPDX-License-Identifier: Apache-2.0
// A node's controller listeners: accepted and served on the controller's own shard, so that no
// client's work can delay an election, and from before the quorum is there, for it is made by what
// is asked here. Made, used and stopped on that shard. Owner: Node::Parts.
#pragma once

#include <memory>
#include <vector>

#include <cairn/broker/listener_service.hpp>
#include <cairn/controller/controller.hpp>
#include <cairn/transport/acceptor.hpp>

#include "broker_watch.hpp"

namespace cairn::server {

class ControlSide {
 public:
  struct Socket {
    std::string name;
    std::unique_ptr<runtime::Listener> listener;
  };

  /// `network` is the way to other nodes from the controller's shard.
  ControlSide(broker::Broker::Parts parts, runtime::Network& network, std::vector<Socket> sockets,
              transport::AcceptorLimits limits);

  void start();
  runtime::Task<> stop(Duration patience);
  /// Every image, in order; whatever the quorum has committed.
  void publish(std::shared_ptr<const metadata::Image> image);
  void belong_to(std::string cluster_id) { broker_.cluster_id = std::move(cluster_id); }

 private:
  broker::Broker broker_;
  BrokerWatch watch_;
  transport::RequestMemory memory_;
  transport::ConnectionQuota quota_;
  std::vector<std::unique_ptr<WatchedService>> services_;
  std::vector<std::unique_ptr<transport::Acceptor>> acceptors_;
  std::shared_ptr<const config::ServerConfig> effective_;
  std::shared_ptr<const metadata::Overrides> own_, all_;  // what effective_ was made from
};

}  // namespace cairn::server
